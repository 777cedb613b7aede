"""How a Python repository gets its virtual environment, and how its server is started."""

import re
import tomllib
from pathlib import Path
from typing import Any

from adapters.runtime.steps import BuildRefused, Command, Steps, content
from adapters.runtime.toolchains import Needs, interpreter
from domain.project import BuildConfig

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
FRAMEWORKS = {"FastAPI": "asgi", "Starlette": "asgi", "Litestar": "asgi", "Quart": "asgi", "Flask": "wsgi"}
FILES = ("main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "application.py", "run.py", "api.py")
FOLDERS = (".", "app", "src", "api", "backend")
APPLICATION = re.compile(rf"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?({'|'.join(FRAMEWORKS)})\(", re.MULTILINE)
FACTORY = re.compile(r"^def (create_app|make_app)\(", re.MULTILINE)
ASGI = "uvicorn {module}:{name} --host 127.0.0.1 --port $PORT"
WSGI = "gunicorn --bind 127.0.0.1:$PORT {module}:{name}"
FLASK = "flask --app {module} run --host 127.0.0.1 --port $PORT"


def plan(config: BuildConfig, root: Path, directory: str) -> Steps:
    """The steps for the project in ``root``, which is ``directory`` of the repository."""
    source, script = _source(root)
    seed = " --seed" if config.install_command else ""
    asked = _asked_version(root)
    make = f"uv venv --quiet --relocatable --allow-existing{seed} --python"
    own = f"{make} {interpreter()} .venv"
    environment = f"{make} {asked} .venv 2>/dev/null || {own}" if asked else own
    install = f"{{ {environment}; }} && {config.install_command or script}"
    return Steps(
        install=Command(script=install, directory=directory),
        build=Command(script=config.build_command, directory=directory) if config.build_command else None,
        programs=(f"{directory}/.venv/bin".lstrip("/"),),
        needs=Needs(uv=True),
        reasons=(f"A virtual environment of its own; dependencies from {source}.",),
    )


def start(root: Path) -> str:
    """The command that starts the server: a Procfile's, or that of the framework that the sources use.

    Raises:
        BuildRefused: None was found.
    """
    return _procfile(root) or _django(root) or _framework(root) or _plain(root)


def _source(root: Path) -> tuple[str, str]:
    for name, script in SOURCES.items():
        if (root / name).is_file():
            return name, script
    if not (root / "pyproject.toml").is_file():
        return "nowhere (no requirements.txt, pyproject.toml, poetry.lock or Pipfile)", "true"
    about = _pyproject(root)
    itself = f" && {{ {PACKAGE_ITSELF}; }}" if "build-system" in about else ""
    return "pyproject.toml", f"uv pip install --requirement pyproject.toml{itself}"


def _pyproject(root: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(content(root, "pyproject.toml") or "")
    except tomllib.TOMLDecodeError as problem:
        raise BuildRefused(f"pyproject.toml is not valid TOML: {problem}.") from None


def _asked_version(root: Path) -> str | None:
    """The Python that the repository asks for; taken where the machine has it."""
    found = re.match(r"\d+\.\d+(\.\d+)?", (content(root, ".python-version") or "").strip())
    return found[0] if found else None


def _procfile(root: Path) -> str | None:
    found = re.search(r"^web:\s*(.+)$", content(root, "Procfile") or "", re.MULTILINE)
    return found[1].strip() if found else None


def _django(root: Path) -> str | None:
    if not (root / "manage.py").is_file():
        return None
    for module in ("asgi", "wsgi"):
        for path in sorted(root.glob(f"*/{module}.py")):
            found = WSGI if module == "wsgi" else ASGI
            if _installed(root, found.split()[0]):
                return found.format(module=f"{path.parent.name}.{module}", name="application")
    return "python manage.py runserver --noreload 127.0.0.1:$PORT"


def _framework(root: Path) -> str | None:
    for path in _sources(root):
        text = content(root, str(path.relative_to(root))) or ""
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        found = APPLICATION.search(text)
        if found:
            return _serve(root, FRAMEWORKS[found[2]], module, found[1])
        made = FACTORY.search(text) if "Flask(" in text else None
        if made:
            return _serve(root, "wsgi", module, f"'{made[1]}()'")
    return None


def _serve(root: Path, kind: str, module: str, name: str) -> str:
    if kind == "asgi":
        if not _installed(root, "uvicorn"):
            raise BuildRefused(
                f"{module}:{name} needs a server, and uvicorn is not among the dependencies. "
                "Add it, or set startCommand in the runtime configuration."
            )
        return ASGI.format(module=module, name=name)
    return (WSGI if _installed(root, "gunicorn") else FLASK).format(module=module, name=name)


def _plain(root: Path) -> str:
    for path in _sources(root):
        return f"python {path.relative_to(root).as_posix()}"
    raise BuildRefused(
        "Nothing says how to start the server: there is no Procfile, no manage.py and no main.py, app.py or server.py. "
        "Set startCommand in the runtime configuration; the port to listen on is in the variable PORT."
    )


def _sources(root: Path) -> list[Path]:
    places = [root / folder / name for folder in FOLDERS for name in FILES]
    return [path for path in places if path.is_file()]


def _installed(root: Path, program: str) -> bool:
    return (root / ".venv" / "bin" / program).is_file()
