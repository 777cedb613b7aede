"""A folder with Python in it: which framework it uses, how it is installed, and what starts its server."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from adapters.detection.dependencies import dependencies, pyproject
from adapters.detection.scripts import web_process
from adapters.detection.suggestion import Evidence
from adapters.detection.tree import Tree, joined

PACKAGE_ITSELF = (
    "uv pip install --quiet --no-deps . 2>/dev/null"
    " || echo 'The project itself is no installable package; its files are used where they are.'"
)
EXPORT = "uv run --no-project --isolated"
LIST = '"$TMPDIR/requirements.txt"'
FROM_LIST = f"uv pip install --requirement {LIST}"
EXPORT_POETRY = f"poetry export --without-hashes --output {LIST}"
POETRY = f"{EXPORT} --with poetry --with poetry-plugin-export"
SOURCES = {
    "uv.lock": "uv sync --frozen --no-dev",
    "poetry.lock": f"{POETRY} {EXPORT_POETRY} && {FROM_LIST} && {{ {PACKAGE_ITSELF}; }}",
    "Pipfile.lock": f"{EXPORT} --with pipenv pipenv requirements > {LIST} && {FROM_LIST}",
    "requirements.txt": "uv pip install --requirement requirements.txt",
    "Pipfile": f"{EXPORT} --with pipenv sh -c 'pipenv lock && pipenv requirements' > {LIST} && {FROM_LIST}",
}
"""What names the dependencies, and how they are installed; a lock file comes before a list."""
ITSELF = ("pyproject.toml", "setup.py")

ASGI = {
    "uvicorn": "uvicorn {app}{folder} --host 127.0.0.1 --port $PORT",
    "granian": "granian --interface asgi{folder} --host 127.0.0.1 --port $PORT {app}",
    "hypercorn": "hypercorn --bind 127.0.0.1:$PORT {app}",
    "daphne": "daphne -b 127.0.0.1 -p $PORT {app}",
}
WSGI = {
    "gunicorn": "gunicorn --bind 127.0.0.1:$PORT{folder} {app}",
    "waitress": "waitress-serve --listen=127.0.0.1:$PORT {app}",
}
FOLDER = {"uvicorn": " --app-dir ", "granian": " --working-dir ", "gunicorn": " --pythonpath "}
STREAMLIT = "streamlit run {file} --server.headless true --server.address 127.0.0.1 --server.port $PORT"
DJANGO = "python manage.py runserver --noreload 127.0.0.1:$PORT"
FRAMEWORKS = {
    "FastAPI": "asgi",
    "Starlette": "asgi",
    "Litestar": "asgi",
    "Quart": "asgi",
    "Flask": "wsgi",
    "Dash": "dash",
    "Sanic": "sanic",
}
"""The classes of applications, and how each is served."""
ALONE = {
    "wsgi": "flask --app {module} run --host 127.0.0.1 --port $PORT",
    "dash": "python {path}",
    "sanic": "sanic {module}:{name} --host 127.0.0.1 --port $PORT",
}
"""What starts an application where no server is among the dependencies."""
KNOWN = (
    "django",
    "fastapi",
    "litestar",
    "starlette",
    "quart",
    "flask",
    "streamlit",
    "sanic",
    "bottle",
    "dash",
    "gradio",
)
"""Packages whose presence says what the project is; who stands on another one comes before it."""
APPLICATION = re.compile(rf"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?({'|'.join(FRAMEWORKS)})\(", re.MULTILINE)
FACTORY = re.compile(r"^(?:async )?def (create_app|make_app|create_application)\(", re.MULTILINE)
MADE = re.compile(
    r"^(app|application|api)\s*(?::[^=\n]+)?=\s*[\w.]{0,80}?(?:create|make|get|build|init)\w{0,40}\(", re.MULTILINE
)
DJANGO_USED = re.compile(r"DJANGO_SETTINGS_MODULE|\bdjango\.|from django")
USED = re.compile(r"\b(Flask|FastAPI|Litestar|Starlette|Quart|Sanic)\(")
SRC_USED = re.compile(r"^[ \t]*(?:from|import) src\b", re.MULTILINE)
STREAMLIT_USED = re.compile(r"^(import streamlit|from streamlit)\b", re.MULTILINE)
FILES = ("main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "application.py", "run.py", "api.py", "__init__.py")
PAGES = ("streamlit_app.py", "app.py", "main.py", "Home.py", "home.py")
FOLDERS = ("", "app", "src", "api", "backend")
ASIDE = ("tests/", "test/", "docs/", "examples/", "example/", "scripts/", "migrations/", "benchmarks/", "alembic/")
OWN = ("pyproject.toml", "requirements.txt", "package.json")
"""A folder with one of these is a project of its own."""
DEEPEST = 4
MOST_SOURCES = 300
"""So many files are looked into for the application."""

Has = Callable[[str], bool]
"""Whether a program is among what the project installs."""


class Python(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder with Python is."""

    framework: str | None
    start: str | None
    missing: str | None = None
    """The sentence about a server that has to be added."""
    install: str | None
    """Installs the dependencies into the virtual environment."""
    source: str
    """Where they are named."""
    evidence: tuple[Evidence, ...] = ()
    confidence: float = 0.0


class Start(NamedTuple):
    """What starts a server; else what is missing for it."""

    command: str | None
    evidence: Evidence
    framework: str | None = None
    missing: str | None = None


def look(tree: Tree) -> Python | None:
    """What the folder is; None where nothing of it is a Python project's.

    Raises:
        BuildRefused: Its pyproject.toml is not one.
    """
    named = tree.has(*SOURCES, *ITSELF)
    if not (named or tree.has("manage.py", *FILES[:-1], *PAGES)):
        return None
    depends = dependencies(tree)
    file, script = source(tree)
    by_name = next((name for name in KNOWN if name in depends), None)
    found = start(tree, lambda program: program in depends)
    framework = (found and found.framework) or by_name
    evidence = [Evidence(depends[by_name], f"depends on {by_name}")] if by_name else []
    if found:
        evidence.append(found.evidence)
    return Python(
        framework=framework,
        start=found.command if found else None,
        missing=found.missing if found else None,
        install=script if named else None,
        source=file,
        evidence=tuple(evidence) or (Evidence(named or "", "names a Python project"),),
        confidence=_confidence(framework, found, named),
    )


def source(tree: Tree) -> tuple[str, str]:
    """Where the dependencies are named, and the command that installs them into the virtual environment."""
    for name, script in SOURCES.items():
        if tree.has(name):
            return name, script
    if tree.has("pyproject.toml"):
        itself = f" && {{ {PACKAGE_ITSELF}; }}" if "build-system" in pyproject(tree) else ""
        return "pyproject.toml", f"uv pip install --requirement pyproject.toml{itself}"
    if tree.has("setup.py"):
        return "setup.py", "uv pip install ."
    return "nowhere (no requirements.txt, pyproject.toml, poetry.lock or Pipfile)", "true"


def start(tree: Tree, has: Has) -> Start | None:
    """What starts the server: a Procfile's, or that of the framework that the sources use; None where nothing is."""
    return next(
        filter(None, (rule(tree, has) for rule in (_procfile, _django, _application, _streamlit, _program))), None
    )


def _confidence(framework: str | None, found: Start | None, named: str | None) -> float:
    if found is None:
        return 0.4 if framework else 0.2
    if found.framework or found.evidence.file == "Procfile":
        return 0.95 if found.command and named else 0.6
    return 0.7 if framework else 0.5


def _procfile(tree: Tree, _: Has) -> Start | None:
    found = web_process(tree)
    return Start(found, Evidence("Procfile", "starts a web process")) if found else None


def _django(tree: Tree, has: Has) -> Start | None:
    text = tree.text("manage.py")
    if text is None or (text.strip() and not DJANGO_USED.search(text)):
        return None
    for kind, servers in (("asgi", ASGI), ("wsgi", WSGI)):
        for path in [*tree.matching(f"*/{kind}.py"), *tree.matching(f"*/*/{kind}.py")]:
            server = next((name for name in servers if has(name)), None)
            if server:
                module = f"{_module(path)}:application"
                return Start(
                    servers[server].format(app=module, folder=""), Evidence(path, "is Django's entry"), "django"
                )
    return Start(DJANGO, Evidence("manage.py", "is Django's"), "django")


def _application(tree: Tree, has: Has) -> Start | None:
    for path in _sources(tree):
        text = tree.text(path) or ""
        found = APPLICATION.search(text)
        if found:
            return _served(tree, path, found[2], found[1], has)
        made, used = MADE.search(text), USED.search(text)
        framework = used[1] if used else _used_anywhere(tree) if made else None
        if made and framework:
            return _served(tree, path, framework, made[1], has)
        factory = FACTORY.search(text)
        if factory and framework:
            return _served(tree, path, framework, factory[1], has, factory=True)
    return None


def _used_anywhere(tree: Tree) -> str | None:
    """The framework of the first file that makes an application."""
    found = (USED.search(tree.text(path) or "") for path in _sources(tree))
    return next((match[1] for match in found if match), None)


def _served(tree: Tree, path: str, framework: str, name: str, has: Has, *, factory: bool = False) -> Start:
    """The command for an application, or the factory of one, that a file makes."""
    evidence = Evidence(path, f"makes the application '{name}' of {framework}")
    folder, module = _place(tree, path)
    kind, slug = FRAMEWORKS[framework], framework.lower()
    servers = ASGI if kind == "asgi" else WSGI
    server = next((each for each in servers if has(each)), None)
    if kind in ALONE and (server is None or kind == "sanic"):
        given = f"'{name}()'" if factory and kind == "sanic" else name
        place = joined(folder, module.replace(".", "/")) if folder else module
        command = ALONE[kind].format(path=path, module=place if kind == "wsgi" else module, name=given)
        return Start(command, evidence, slug)
    if server is None:
        sentence = (
            f"{module}:{name} needs a server, and uvicorn is not among the dependencies. "
            "Add it, or set startCommand in the runtime configuration."
        )
        return Start(None, evidence, slug, sentence)
    app = f"{module}:{name}.server" if kind == "dash" else f"{module}:{name}"
    if factory:
        app = f"{app} --factory" if server in {"uvicorn", "granian"} else f"{module}:'{name}()'"
    aside = f"{FOLDER[server]}{folder}" if folder and server in FOLDER else ""
    return Start(servers[server].format(app=app, folder=aside), evidence, slug)


def _streamlit(tree: Tree, _: Has) -> Start | None:
    pages = [path for path in (*PAGES, *tree.matching("*.py"), *tree.matching("*/*.py")) if tree.has(path)]
    for path in pages[:MOST_SOURCES]:
        if STREAMLIT_USED.search(tree.text(path) or "") and not path.startswith("pages/"):
            return Start(STREAMLIT.format(file=path), Evidence(path, "uses streamlit"), "streamlit")
    return None


def _program(tree: Tree, _: Has) -> Start | None:
    path = next(_usual(tree), None)
    return Start(f"python {path}", Evidence(path, "has a usual name")) if path else None


def _usual(tree: Tree) -> Iterator[str]:
    names = (f"{folder}/{name}".lstrip("/") for folder in FOLDERS for name in FILES[:-1])
    return (name for name in names if tree.has(name))


def _sources(tree: Tree) -> list[str]:
    """Where an application may be made: files with usual names first, then those nearest to the top."""
    apart = tuple(f"{path.rpartition('/')[0]}/" for name in OWN for path in tree.matching(f"**/{name}") if "/" in path)
    others = [
        path
        for path in tree.matching("**/*.py")
        if path.count("/") <= DEEPEST and not path.startswith((*ASIDE, *apart))
    ]
    ranked = sorted(others, key=lambda path: (path.rpartition("/")[2] not in FILES, path.count("/"), path))
    return list(dict.fromkeys([*_usual(tree), *ranked]))[:MOST_SOURCES]


def _place(tree: Tree, path: str) -> tuple[str, str]:
    """The folder from which a module is imported, and its name: a folder in ``src`` that is no package itself."""
    folder = path.rpartition("/")[0]
    while folder and tree.has(f"{folder}/__init__.py"):
        folder = folder.rpartition("/")[0]
    if folder.partition("/")[0] != "src" or any(SRC_USED.search(tree.text(each) or "") for each in _sources(tree)):
        return "", _module(path)
    return folder, _module(path.removeprefix(f"{folder}/"))


def _module(path: str) -> str:
    return path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
