"""A replaced release stays warm for a while, so that a rollback to it starts nothing."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import psutil
import pytest

from adapters.runtime.identity import alive, pid_of
from domain.identifiers import EnvironmentId, ProjectId, ReleaseId, TenantId
from projections.environments import EnvironmentRow
from services.warmth import Warmth
from tests.system.planes import App, Plane, until
from tests.system.repositories import commit, repository

pytestmark = [pytest.mark.xdist_group("another plane"), pytest.mark.timeout(300)]

SERVER = """
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STARTED = time.time()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{text} since {STARTED}".encode())


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"""
REPLACED = datetime(2026, 1, 1, tzinfo=UTC)
ROOMY = "MemTotal: 1000 kB\nMemAvailable: 500 kB\n"
SCARCE = "MemTotal: 1000 kB\nMemAvailable: 100 kB\n"


def test_a_rollback_to_a_warm_release_starts_no_process(plane: Plane, tmp_path: Path) -> None:
    app, one, page = live(plane, tmp_path, "warm")
    second(app, tmp_path)
    keeper = keepers(plane)[one]

    app.roll_back(one)

    app.shows(page)
    assert keepers(plane)[one] == keeper


def test_one_release_an_environment_is_kept_warm(plane: Plane, tmp_path: Path) -> None:
    app, one, _ = live(plane, tmp_path, "one-warm")
    two = second(app, tmp_path)

    three = app.deploy()["releaseId"]

    until(lambda: one not in keepers(plane), 20, "the release before the former one is still warm")
    assert {two, three} <= keepers(plane).keys()


def test_a_warm_release_that_died_is_started_before_it_is_switched_to(plane: Plane, tmp_path: Path) -> None:
    app, one, page = live(plane, tmp_path, "dead")
    second(app, tmp_path)
    os.kill(pid_of(keepers(plane)[one]), signal.SIGKILL)

    app.roll_back(one)

    app.shows("one since")
    assert page not in plane.page(app.host).text


def test_a_warm_release_that_answers_no_more_is_started_anew(plane: Plane, tmp_path: Path) -> None:
    app, one, page = live(plane, tmp_path, "mute", healthTimeoutSeconds=3)
    second(app, tmp_path)
    until(lambda: time() - float(page.rpartition(" ")[2]) > 4, 10)  # from then on it cannot be starting
    for process in psutil.Process(pid_of(keepers(plane)[one])).children(recursive=True):
        process.suspend()

    app.roll_back(one)

    app.shows("one since")
    assert page not in plane.page(app.host).text


def test_a_warm_release_ends_after_its_time_or_with_the_plane_though_the_executor_was_killed(
    plane_of_its_own: Callable[..., Plane], tmp_path: Path
) -> None:
    plane = plane_of_its_own(SHIPBOOK_WARM_SECONDS="5")
    app, one, _ = live(plane, tmp_path, "ends")
    two = second(app, tmp_path)
    assert one in keepers(plane)
    plane.kill("executor")
    until(lambda: one not in keepers(plane), 20, "the warm release does not end")

    app.roll_back(one)
    assert two in keepers(plane)
    running = keepers(plane).values()

    assert plane.stop() == 0
    assert not any(alive(keeper) for keeper in running)


@dataclass
class Still:
    """A clock that shows one moment."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


@pytest.mark.parametrize(
    ("passed", "seconds", "memory", "warm"),
    [(299, 300, ROOMY, True), (300, 300, ROOMY, False), (0, 0, ROOMY, False), (1, 300, SCARCE, False)],
)
def test_a_release_is_warm_for_its_time_while_memory_is_to_spare(
    passed: int, seconds: int, memory: str, warm: bool, tmp_path: Path
) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(memory)

    found = Warmth(seconds, Still(REPLACED + timedelta(seconds=passed)), meminfo).release(replaced())

    assert found == (ReleaseId("former") if warm else None)


def test_a_clock_that_jumps_back_for_years_keeps_nothing_warm() -> None:
    assert Warmth(300, Still(REPLACED - timedelta(days=3650))).release(replaced()) is None


def replaced() -> EnvironmentRow:
    """An environment whose former release was replaced."""
    return EnvironmentRow(
        id=EnvironmentId("here"),
        tenant_id=TenantId("acme"),
        project_id=ProjectId("shop"),
        name="production",
        branch="main",
        label="shop",
        active_release_id=ReleaseId("active"),
        former_release_id=ReleaseId("former"),
        replaced_at=REPLACED,
        created_at=REPLACED,
        updated_at=REPLACED,
    )


def live(plane: Plane, directory: Path, name: str, **config: object) -> tuple[App, str, str]:
    """A server's first release, which is live, and its page."""
    site = repository(directory / name, {"app.py": SERVER.replace("{text}", "one")})
    app = plane.api.project(site, "python", name, startCommand="python app.py", **config)
    release = app.deploy()["releaseId"]
    app.shows("one since")
    return app, release, plane.page(app.host).text


def second(app: App, directory: Path) -> str:
    """A second release of the only repository in ``directory``, which takes the first one's place."""
    [site] = [path for path in directory.iterdir() if (path / "app.py").exists()]
    commit(site, {"app.py": SERVER.replace("{text}", "two")}, "Second version")
    release: str = app.deploy()["releaseId"]
    app.shows("two since")
    return release


def keepers(plane: Plane) -> dict[str, str]:
    """The process of each release's keeper, for those that run; in the words of ``identity``."""
    states = [json.loads(file.read_text()) for file in plane.directory.glob("applications/*/state.json")]
    return {state["release_id"]: state["keeper"] for state in states if alive(state["keeper"])}
