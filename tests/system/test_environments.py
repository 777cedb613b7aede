"""Environments on a whole plane: turns, a promotion, and an end that leaves nothing running."""

from pathlib import Path
from typing import Any

import pytest

from tests.system import repositories
from tests.system.planes import Plane, until
from tests.system.repositories import repository
from tests.trees import named

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(300)]


def test_deployments_take_turns_a_release_is_promoted_and_a_deleted_environment_ends_what_ran_there(
    plane: Plane, tmp_path: Path
) -> None:
    app = plane.api.project(repository(tmp_path / "server", repositories.flask("one")), "python", "turning")
    first = app.trigger()
    until(lambda: plane.api.send("GET", f"/deployments/{first['id']}")["status"] == "running", 60)
    older, newest = app.trigger(), app.trigger()
    ends = [app.ended(one)["status"] for one in (first, older, newest)]
    assert ends == ["succeeded", "superseded", "succeeded"]
    release = plane.api.send("GET", f"/deployments/{newest['id']}")["releaseId"]

    places = f"/projects/{app.id}/environments"
    staging = plane.api.send("POST", places, {"name": "staging", "branch": "main"})
    promoted = app.ended(plane.api.send("POST", f"{places}/{staging['id']}/promotions", {"releaseId": release}))
    assert (promoted["status"], [one["step"] for one in promoted["steps"]]) == ("succeeded", ["publish", "activate"])
    host = f"{staging['label']}.localhost"
    until(lambda: "flask one" in plane.page(host).text)

    def running() -> list[Any]:
        return named(plane.directory / "applications", promoted["releaseId"])

    assert running()
    plane.api.send("DELETE", f"{places}/{staging['id']}?confirm=staging")
    until(lambda: plane.page(host).status_code == 404)
    until(lambda: not running(), 60)
    app.shows("flask one")
