"""Document 002, detection: real repositories are fetched, and their own files say what they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.adapters.git_server import commit, git, repository
from tests.dialects.plane import Caller, Plane, running

VITE = {
    "package.json": json.dumps({"scripts": {"build": "vite build"}, "devDependencies": {"vite": "^7", "vue": "^3"}}),
    "package-lock.json": "{}",
    ".nvmrc": "22\n",
    "index.html": '<script type="module" src="/main.js"></script>',
}


@pytest.fixture(scope="module")
def plane(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A plane whose operator allows repositories of this machine."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE detection")
    url = make_conninfo(**{**conninfo_to_dict(postgres_url), "dbname": "detection"})
    with running(url, tmp_path_factory.mktemp("plane"), allow_local_repositories=True) as plane:
        yield plane


def connected(caller: Caller, place: Path) -> str:
    return str(caller.post("/repository-connections", {"url": str(place)})["id"])


def detect(caller: Caller, connection: str, status: int = 200, **asked: Any) -> Any:
    return caller.post("/projects/detect", {"repositoryConnectionId": connection, **asked}, status)


def test_detect_suggests_what_makes_a_project(insider: Caller, tmp_path: Path) -> None:
    """``inspect a connected repo { repositoryConnectionId, branch?, rootDirectory? } → suggested { type, runsServer,
    install/build/start, framework, evidence, confidence }``."""
    [head] = repository(tmp_path / "shop", VITE)
    connection = connected(insider, tmp_path / "shop")

    found = detect(insider, connection, branch="main")

    assert (found["type"], found["runsServer"], found["framework"]) == ("react", False, "vite")
    assert found["install"] == found["installCommand"] == "npm ci"
    assert found["build"] == found["buildCommand"] == "npm run build"
    assert found["start"] is found["startCommand"] is None
    assert found["output"] == found["outputDirectory"] == "dist"
    assert (found["packageManager"], found["nodeVersion"], found["commit"]) == ("npm", "22", head)
    assert {"file": "package.json", "reason": "depends on vite"} in found["evidence"]
    assert found["confidence"] > 0.9
    keys = ("type", "runsServer", "rootDirectory")
    config = {key: found[key] for key in ("install", "build", "output", "packageManager", "nodeVersion")}
    made = insider.project(repositoryConnectionId=connection, config=config, **{key: found[key] for key in keys})
    assert made["buildConfig"]["outputDirectory"] == "dist"


def test_branch_and_folder_say_what_is_looked_at(insider: Caller, tmp_path: Path) -> None:
    repository(tmp_path / "both", {"index.html": "<h1>hi</h1>"})
    git(tmp_path / "both", "checkout", "--quiet", "-b", "next")
    commit(tmp_path / "both", {"api/requirements.txt": "flask\n", "api/app.py": "app = Flask(__name__)\n"})
    connection = connected(insider, tmp_path / "both")

    assert detect(insider, connection, branch="main")["type"] == "static"
    found = detect(insider, connection, branch="next", rootDirectory="/api/".strip("/"))
    assert (found["type"], found["framework"], found["rootDirectory"]) == ("python", "flask", "api")


@pytest.mark.parametrize(
    ("asked", "field", "sentence"),
    [
        ({"branch": "mian"}, "repositoryConnectionId", "no branch or tag 'mian'. It has: main."),
        ({"branch": "-x"}, "branch", "is not a branch name"),
        (
            {"rootDirectory": "wbe"},
            "rootDirectory",
            "There is no folder 'wbe' with files in the repository; it has web.",
        ),
        ({"rootDirectory": "../x"}, "rootDirectory", "must be a folder below"),
        ({"rootDirectory": "web"}, "rootDirectory", "web/package.json is not valid JSON"),
    ],
)
def test_what_cannot_be_read_says_why(
    insider: Caller, tmp_path: Path, asked: dict[str, str], field: str, sentence: str
) -> None:
    repository(tmp_path / "site", {"index.html": "x", "web/package.json": "{"})
    refused = detect(insider, connected(insider, tmp_path / "site"), 400, **asked)

    assert refused["details"][0]["field"] == field
    assert sentence in refused["message"]


def test_a_repository_that_is_not_there_is_no_error_of_ours(insider: Caller, tmp_path: Path) -> None:
    refused = detect(insider, connected(insider, tmp_path / "nowhere"), 400)
    assert "There is no repository at this address" in refused["message"]


def test_another_workspaces_connection_is_unknown(insider: Caller, outsider: Caller, tmp_path: Path) -> None:
    repository(tmp_path / "site", {"index.html": "x"})
    assert detect(outsider, connected(insider, tmp_path / "site"), 404)["code"] == "not_found"


def test_nothing_is_left_of_what_was_looked_at(plane: Plane, insider: Caller, tmp_path: Path) -> None:
    repository(tmp_path / "site", {"index.html": "x"})
    detect(insider, connected(insider, tmp_path / "site"))
    assert list(plane.settings.builds_dir.iterdir()) == []
