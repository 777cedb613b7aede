"""Real repositories become live applications."""

import pytest

from tests.system import repositories
from tests.system.planes import Plane
from tests.system.repositories import commit, repository

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(300)]


def test_a_static_page_goes_live_changes_and_rolls_back(plane: Plane, tmp_path: object) -> None:
    directory = repository(tmp_path / "site", repositories.static("one"))  # type: ignore[operator]
    app = plane.api.project(directory, "static", "static-page")

    first = app.deploy(note="the first")
    app.shows("<h1>one</h1>")
    assert plane.page(app.host, "/about").text == repositories.page("about one")

    commit(directory, repositories.static("two"), "Second version")
    second = app.deploy()
    app.shows("<h1>two</h1>")
    assert second["number"] == first["number"] + 1

    app.roll_back(first["releaseId"])
    app.shows("<h1>one</h1>")
