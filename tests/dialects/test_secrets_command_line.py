"""``shipbook secrets …`` about many secrets at once, and about where they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

import services.cli  # noqa: F401 - declares the commands
from services.cli.declaring import app
from tests.dialects.plane import Caller, Plane
from tests.dialects.test_native_secret_uses import cut

Types = Callable[..., str]


@pytest.fixture
def types(plane: Plane, insider: Caller) -> Types:
    """Runs ``shipbook secrets`` as the insider; all that it says."""

    def types(*arguments: str, given: str = "", status: int = 0) -> str:
        asking = ["--api-url", plane.url, "--token", insider.token]
        done = CliRunner().invoke(app, ["secrets", *arguments, *asking], input=given)
        assert done.exit_code == status, done.output
        return done.output

    return types


def read(said: str) -> Any:
    """The JSON in what was said, among what the plane of this process logs."""
    [document] = [line for line in said.splitlines() if line.startswith(("{", "["))]
    return json.loads(document)


def test_a_file_is_imported_again_and_again(types: Types, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\nB=2\n")

    assert "Would be: 2 created" in types("import", str(file), "--dry-run")
    assert "Imported: 2 created" in types("import", str(file))
    assert "1 rotated, 1 unchanged" in types("import", "-", given="A=1\nB=3\n")
    assert "content:1: 'PORT' is set by Shipbook itself" in types("import", "-", given="PORT=1\n", status=2)
    assert "1 line cannot be used" in types("import", "-", "--dry-run", given="PORT=1\n", status=1)
    assert "cannot be read" in types("import", str(tmp_path / "none"), status=2)


def test_places_versions_and_uses_are_shown(insider: Caller, types: Types) -> None:
    project = insider.project()
    insider.post("/secrets", {"name": "KEY", "value": "1"})
    secret = insider.post("/secrets", {"name": "KEY", "value": "1", "projectId": project["id"]})

    assert "No release has KEY yet" in types("uses", "KEY", "-p", project["slug"])
    cut(insider, project, secret, 1, 1)
    insider.patch(f"/secrets/{secret['id']}", {"value": "2"})

    assert "workspace 1" in types("effective", "-p", project["slug"], "-e", "production")
    shown = read(types("show", "KEY", "-p", project["slug"], "--json"))
    assert [one["version"] for one in shown["versions"]] == [2, 1]
    assert "older than the newest" in types("uses", "KEY", "-p", project["slug"])
    assert "There is no secret NONE" in types("show", "NONE", status=2)


def test_a_workspace_is_shredded_by_its_name_alone(insider: Caller, types: Types) -> None:
    insider.post("/secrets", {"name": "KEY", "value": "1"})
    name = insider.browser.get("/auth/me").json()["memberships"][0]["name"]

    assert "must be the workspace's name" in types("shred", "--confirm", "x", "--reason", "y", status=2)
    assert "are destroyed" in types("shred", "--confirm", name, "--reason", "y")
    assert "gone" in types("show", "KEY")


def test_an_operator_sees_and_exchanges_keys(plane: Plane, insider: Caller) -> None:
    secret = insider.post("/secrets", {"name": "KEY", "value": "1"})
    server = conninfo_to_dict(plane.settings.database_url)
    url = f"postgresql:///{server['dbname']}?{urlencode({name: server[name] for name in ('user', 'host', 'port')})}"

    def operated(*arguments: str, status: int = 0) -> str:
        words = ["ops", "keys", *arguments, "--data-dir", str(plane.settings.data_dir)]
        done = CliRunner().invoke(app, words, env={"SHIPBOOK_DATABASE_URL": url})
        assert done.exit_code == status, done.output
        return done.output

    def generations() -> dict[int, int]:
        found = read(operated("show", "--json"))["keys"]
        return {one["generation"]: one["values"] for one in found if one["scope"] == insider.tenant}

    assert generations() == {0: 0, 1: 1}
    assert "1 value sealed again" in operated("rotate", "--workspace", insider.tenant)
    assert generations() == {0: 0, 1: 0, 2: 1}
    assert "under the new master key" in operated("rotate")
    assert "wraps 0 keys" in operated("show")
    assert "No workspace 'nobody' has keys" in operated("rotate", "--workspace", "nobody", status=2)
    assert "not both" in operated("rotate", "--all", "--workspace", "nobody", status=2)
    assert plane.call(plane.core.vault.open(insider.tenant, secret["id"], 1)).reveal == "1"
    told = insider.get(f"/audit?subject=keyring-{insider.tenant}")["items"]
    assert told[0]["message"].startswith("operator ")
