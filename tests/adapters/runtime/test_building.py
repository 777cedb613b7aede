"""A repository's own files say how it is built and started, and what the user says comes first."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.detection.tree import BuildRefused, content
from adapters.runtime import building
from adapters.runtime.building import BuildPlan, find_output, find_start
from domain.project import BuildConfig, ProjectType, RuntimeConfig

NONE = BuildConfig()
STATIC, REACT, NODE, PYTHON = ProjectType.STATIC, ProjectType.REACT, ProjectType.NODE, ProjectType.PYTHON


def write(place: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def package(**fields: object) -> str:
    return json.dumps({"name": "x", **fields})


BUILD = package(scripts={"build": "vite build"})


@pytest.mark.parametrize(
    ("files", "install", "manager", "version"),
    [
        ({"package-lock.json": "{}"}, "npm ci", "npm", ""),
        ({}, "npm install", "npm", ""),
        ({"yarn.lock": "# yarn lockfile v1\n"}, "yarn install --frozen-lockfile --non-interactive", "yarn", "1"),
        ({"yarn.lock": "__metadata:\n  version: 8\n"}, "yarn install --immutable", "yarn", "4"),
        ({"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, "--frozen-lockfile", "pnpm", "9"),
        ({"pnpm-lock.yaml": "lockfileVersion: 5.4\n"}, "--frozen-lockfile", "pnpm", "7"),
        (
            {"package.json": package(packageManager="pnpm@9.1.0+sha512.abc", scripts={"build": "x"})},
            "--no-frozen-lockfile",
            "pnpm",
            "9.1.0",
        ),
    ],
    ids=["npm lock", "no lock", "yarn 1", "yarn 4", "pnpm 9", "pnpm 7", "packageManager"],
)
def test_the_lock_file_names_the_package_manager(
    files: dict[str, str], install: str, manager: str, version: str, tmp_path: Path
) -> None:
    plan = building.plan(REACT, NONE, write(tmp_path, {"package.json": BUILD} | files))
    assert plan.install is not None
    assert plan.build is not None
    assert install in plan.install.script
    assert plan.build.script == f"{manager} run build"
    assert (plan.needs.manager, plan.needs.manager_version) == (manager, version)
    assert ("YARN_NODE_LINKER" in plan.environment) == (install == "yarn install --immutable")


@pytest.mark.parametrize(
    ("config", "files", "asked"),
    [
        (BuildConfig(node_version="24"), {".nvmrc": "20"}, "24"),
        (NONE, {".nvmrc": "v20.1.0\n"}, "v20.1.0"),
        (NONE, {".node-version": "22"}, "22"),
        (NONE, {"package.json": package(engines={"node": ">=20"}, scripts={"build": "x"})}, ">=20"),
        (NONE, {}, ""),
    ],
)
def test_the_version_of_node_is_the_one_asked_for(
    config: BuildConfig, files: dict[str, str], asked: str, tmp_path: Path
) -> None:
    assert building.plan(REACT, config, write(tmp_path, {"package.json": BUILD} | files)).needs.node == asked


def test_a_package_manager_that_is_not_known_is_refused_where_the_user_chose_it(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": package(packageManager="bun@1", scripts={"build": "x"})})
    plan = building.plan(REACT, NONE, tmp_path)
    assert plan.needs.manager == "npm"
    assert "npm (package.json asks for bun, which is not known here: npm installs instead)" in plan.reasons
    with pytest.raises(BuildRefused, match="'bun' is not a package manager"):
        building.plan(REACT, BuildConfig(package_manager="bun"), tmp_path)


def test_what_the_user_says_comes_first(tmp_path: Path) -> None:
    config = BuildConfig(install_command="make deps", build_command="make", output_directory="./site/")
    plan = building.plan(REACT, config, write(tmp_path, {"package.json": BUILD}))
    assert plan.install is not None
    assert plan.build is not None
    assert (plan.install.script, plan.build.script, plan.output_directory) == ("make deps", "make", "site")


def test_a_project_in_a_subfolder_is_built_there_with_its_own_lock(tmp_path: Path) -> None:
    files = {"package.json": "{}", "web/package.json": BUILD, "web/package-lock.json": "{}"}
    plan = building.plan(REACT, NONE, write(tmp_path, files), "web/")
    assert plan.install is not None
    assert plan.build is not None
    assert (plan.directory, plan.install.directory, plan.build.directory) == ("web", "web", "web")
    assert plan.programs == ("web/node_modules/.bin",)


def test_a_workspace_is_installed_as_a_whole(tmp_path: Path) -> None:
    files = {
        "package.json": package(workspaces=["apps/*"]),
        "package-lock.json": "{}",
        "apps/web/package.json": BUILD,
    }
    plan = building.plan(REACT, NONE, write(tmp_path, files), "apps/web")
    assert plan.install is not None
    assert plan.build is not None
    assert (plan.install.script, plan.install.directory, plan.build.directory) == ("npm ci", "", "apps/web")
    assert plan.programs == ("apps/web/node_modules/.bin", "node_modules/.bin")


@pytest.mark.parametrize("path", ["..", "a/../..", "/etc", "a/../../b"])
def test_no_directory_may_leave_the_repository(path: str, tmp_path: Path) -> None:
    write(tmp_path, {"package.json": BUILD})
    with pytest.raises(BuildRefused, match="rootDirectory"):
        building.plan(REACT, NONE, tmp_path, path)
    with pytest.raises(BuildRefused, match="outputDirectory"):
        building.plan(REACT, BuildConfig(output_directory=path), tmp_path)


def test_a_link_may_not_lead_out_of_the_repository_either(tmp_path: Path) -> None:
    write(tmp_path, {"checkout/package.json": BUILD, "outside/index.html": "x"})
    (tmp_path / "checkout" / "dist").symlink_to("../outside")
    with pytest.raises(BuildRefused, match="leads out"):
        find_output(REACT, BuildPlan(output_directory="dist"), tmp_path / "checkout")
    with pytest.raises(BuildRefused, match="not in the repository"):
        building.plan(REACT, NONE, tmp_path / "checkout", "dist")


@pytest.mark.parametrize("name", [".nvmrc", "Procfile", "package.json", "requirements.txt", "app.py", "pyproject.toml"])
def test_a_link_shows_no_file_of_the_machine(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"secret": "web: hush", "checkout/README": ""})
    (tmp_path / "checkout" / name).symlink_to("../secret")
    (tmp_path / "checkout" / "loop").symlink_to("loop")
    assert content(tmp_path / "checkout", name) is None
    assert content(tmp_path / "checkout", "loop") is None
    assert "hush" not in "".join(_whatever_is_said(tmp_path / "checkout"))


def _whatever_is_said(checkout: Path) -> Iterator[str]:
    for kind in ProjectType:
        try:
            plan = building.plan(kind, NONE, checkout)
            yield repr(plan)
            yield find_start(kind, plan, RuntimeConfig(), checkout)
        except BuildRefused as refused:
            yield str(refused)


def test_a_missing_directory_is_named_with_those_that_exist(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": BUILD, "build/index.html": "x", "src/a": "y"})
    with pytest.raises(BuildRefused, match=r"'dist' was not made by the build; these directories exist: build, src\."):
        find_output(REACT, BuildPlan(output_directory="dist"), tmp_path)
    with pytest.raises(BuildRefused, match="rootDirectory 'web' is not in the repository; these directories exist"):
        building.plan(REACT, NONE, tmp_path, "web")


@pytest.mark.parametrize("name", ["dist", "build", "out"])
def test_the_directory_with_the_pages_is_found(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"package.json": BUILD, "public/favicon.ico": "x", f"{name}/index.html": "y"})
    plan = building.plan(REACT, NONE, tmp_path)
    assert find_output(REACT, plan, tmp_path).directory == tmp_path / name


def test_a_build_that_makes_nothing_says_what_to_set(tmp_path: Path) -> None:
    plan = building.plan(REACT, NONE, write(tmp_path, {"package.json": BUILD}))
    with pytest.raises(BuildRefused, match="Set outputDirectory"):
        find_output(REACT, plan, tmp_path)


def test_static_files_need_no_build(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "x", "package.json": BUILD})
    plan = building.plan(STATIC, NONE, tmp_path)
    assert (plan.install, plan.build) == (None, None)
    found = find_output(STATIC, plan, tmp_path)
    assert found.directory == tmp_path
    assert "node_modules" in found.exclude


def test_a_static_site_that_a_framework_makes_is_built(tmp_path: Path) -> None:
    files = {"package.json": package(devDependencies={"@11ty/eleventy": "3"}), "index.md": "x", "public/logo.svg": ""}
    plan = building.plan(STATIC, NONE, write(tmp_path, files))
    assert plan.build is not None
    assert (plan.build.script, plan.programs) == ("npx @11ty/eleventy", ("node_modules/.bin",))
    write(tmp_path, {"_site/index.html": "built"})
    assert find_output(STATIC, plan, tmp_path).directory == tmp_path / "_site"


def test_a_static_site_with_a_build_command_serves_what_it_makes(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "source", "dist/index.html": "built"})
    plan = building.plan(STATIC, BuildConfig(build_command="make"), tmp_path)
    assert plan.build is not None
    assert find_output(STATIC, plan, tmp_path).directory == tmp_path / "dist"


@pytest.mark.parametrize(
    ("files", "start"),
    [
        ({"package.json": package(scripts={"start": "node serve.js"})}, "node serve.js"),
        ({"package.json": package(scripts={"start": "node x", "prestart": "y"})}, "npm run start"),
        ({"package.json": package(main="lib/it's.js"), "lib/it's.js": ""}, "node 'lib/it'\\''s.js'"),
        ({"package.json": package(), "server.js": ""}, "node 'server.js'"),
    ],
)
def test_a_node_server_is_started_as_its_package_says(files: dict[str, str], start: str, tmp_path: Path) -> None:
    plan = building.plan(NODE, NONE, write(tmp_path, files))
    assert find_start(NODE, plan, RuntimeConfig(), tmp_path) == start
    assert find_start(NODE, plan, RuntimeConfig(start_command="mine"), tmp_path) == "mine"


@pytest.mark.parametrize(
    ("files", "installed", "start"),
    [
        ({"Procfile": "web: gunicorn x:y\n"}, [], "gunicorn x:y"),
        ({"app.py": "from flask import Flask\napp = Flask(__name__)\n"}, [], "flask --app app run --host 127.0.0.1"),
        (
            {"app.py": "import flask\nsite: flask.Flask = flask.Flask(__name__)\n"},
            ["gunicorn"],
            "gunicorn --bind 127.0.0.1:$PORT app:site",
        ),
        (
            {"main.py": "from fastapi import FastAPI\napi = FastAPI()\n"},
            ["uvicorn"],
            "uvicorn main:api --host 127.0.0.1",
        ),
        (
            {"app/main.py": "app = FastAPI(title='x')\n"},
            ["uvicorn"],
            "uvicorn app.main:app --host 127.0.0.1 --port $PORT",
        ),
        (
            {"wsgi.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n"},
            ["gunicorn"],
            "gunicorn --bind 127.0.0.1:$PORT wsgi:'create_app()'",
        ),
        (
            {"manage.py": "", "site_/wsgi.py": ""},
            ["gunicorn"],
            "gunicorn --bind 127.0.0.1:$PORT site_.wsgi:application",
        ),
        ({"manage.py": ""}, [], "python manage.py runserver --noreload 127.0.0.1:$PORT"),
        ({"server.py": "print()"}, [], "python server.py"),
    ],
)
def test_a_python_server_is_started_by_its_framework(
    files: dict[str, str], installed: list[str], start: str, tmp_path: Path
) -> None:
    plan = building.plan(PYTHON, NONE, write(tmp_path, files | {f".venv/bin/{name}": "" for name in installed}))
    assert find_start(PYTHON, plan, RuntimeConfig(), tmp_path).startswith(start)


@pytest.mark.parametrize(
    ("kind", "files", "sentence"),
    [
        (NODE, {"package.json": "{}"}, "no script 'start'"),
        (PYTHON, {"x.txt": ""}, "Set startCommand"),
        (PYTHON, {"main.py": "app = FastAPI()"}, "uvicorn is not among the dependencies"),
    ],
)
def test_a_server_that_nothing_can_start_says_what_to_set(
    kind: ProjectType, files: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    plan = building.plan(kind, NONE, write(tmp_path, files))
    with pytest.raises(BuildRefused, match=sentence):
        find_start(kind, plan, RuntimeConfig(), tmp_path)


@pytest.mark.parametrize(
    ("kind", "files", "sentence"),
    [
        (REACT, {"index.html": ""}, "no package.json"),
        (REACT, {"package.json": "{}"}, "no script 'build'"),
        (REACT, {"package.json": "{"}, "not valid JSON"),
        (PYTHON, {"pyproject.toml": "["}, "not valid TOML"),
    ],
)
def test_what_cannot_be_built_says_why(kind: ProjectType, files: dict[str, str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BuildRefused, match=sentence):
        building.plan(kind, NONE, write(tmp_path, files))


@pytest.mark.parametrize(
    ("files", "how"),
    [
        ({"requirements.txt": "flask"}, "uv pip install --requirement requirements.txt"),
        ({"uv.lock": "", "pyproject.toml": "", "requirements.txt": ""}, "uv sync --frozen"),
        ({"poetry.lock": "", "pyproject.toml": ""}, "poetry export"),
        ({"Pipfile.lock": "{}", "Pipfile": ""}, "pipenv requirements"),
        ({"pyproject.toml": "[project]\nname='x'\n"}, "uv pip install --requirement pyproject.toml"),
        ({}, "&& true"),
    ],
)
def test_the_dependencies_of_python_come_from_what_names_them(files: dict[str, str], how: str, tmp_path: Path) -> None:
    plan = building.plan(PYTHON, NONE, write(tmp_path, files))
    assert plan.install is not None
    assert how in plan.install.script
    assert plan.programs == (".venv/bin",)
    assert plan.needs.uv
