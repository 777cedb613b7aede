"""``shipbook retention …``, ``pin`` and ``unpin``, and what ``shipbook releases`` shows of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

import services.cli  # noqa: F401 - declares the commands
from services.cli.declaring import app
from tests.dialects.plane import Caller, Plane
from tests.dialects.test_native_retention import expire, released

Types = Callable[..., str]


@pytest.fixture
def types(plane: Plane, insider: Caller) -> Types:
    """Runs ``shipbook`` as the insider; all that it says."""

    def types(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, [*arguments, "--api-url", plane.url, "--token", insider.token])
        assert done.exit_code == status, done.output
        return done.output

    return types


def read(said: str) -> Any:
    """The JSON in what was said, among what the plane of this process logs."""
    [document] = [line for line in said.splitlines() if line.startswith(("{", "["))]
    return json.loads(document)


def test_a_policy_is_shown_set_and_given_up(types: Types) -> None:
    assert "20 of the newest" in types("retention", "show")
    assert "5 of the newest" in types("retention", "set", "--releases", "5", "--reason", "disks are dear")
    shown = read(types("retention", "show", "--json"))
    assert shown["releasesPerEnvironment"] == {"count": 5, "own": True, "usual": 20}
    assert "20 of the newest" in types("retention", "set", "--usual")
    assert "--releases with a number, or --usual" in types("retention", "set", status=2)


def test_releases_are_pinned_unpinned_and_shown_as_what_they_are(insider: Caller, types: Types) -> None:
    project = insider.project("Corner shop")
    first, *_ = released(insider, project, 4)
    types("retention", "set", "--releases", "1")

    assert "DEP-0001 is pinned" in types("pin", "DEP-0001", "-p", project["slug"])
    expire(insider)
    states = {one.split()[0]: one for one in types("releases", "-p", project["slug"]).splitlines() if "DEP-" in one}
    assert [("pinned" in states[ref], "expired" in states[ref]) for ref in ("DEP-0001", "DEP-0002", "DEP-0003")] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert read(types("unpin", first, "-p", project["slug"], "--json"))["unpinned"] == "DEP-0001"
    assert "has expired" in types("pin", "DEP-0002", "-p", project["slug"], status=1)
