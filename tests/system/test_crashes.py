"""Whoever is killed, live applications answer on. What becomes of deployments, ``tests/faults`` shows."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system import repositories
from tests.system.planes import App, Plane, until
from tests.system.repositories import built, repository

pytestmark = [pytest.mark.xdist_group("another plane"), pytest.mark.timeout(300)]

OURS = ("api", "worker", "executor", "edge", "nats", "postgres")
SLOW = "for i in $(seq 1 60); do echo step $i; sleep 0.05; done"


@dataclass
class Load:
    """What requests in a steady stream were answered."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)


@contextmanager
def steady_load(plane: Plane, host: str) -> Iterator[Load]:
    """Keep-alive requests, one after another on two connections, for the length of the block. Nothing is retried."""
    load, stop = Load(), threading.Event()

    def ask() -> None:
        with httpx.Client(headers={"Host": host}, timeout=10) as client:
            while not stop.is_set():
                try:
                    answer = client.get(f"http://{plane.edge}/")
                except httpx.TransportError as problem:
                    load.failed.append(repr(problem))
                    continue
                load.answered += 1
                if answer.status_code != 200:
                    load.failed.append(f"{answer.status_code} {answer.text[:100]}")

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def killed_and_back(plane: Plane, part: str) -> None:
    """kill -9 the part, and wait until the plane is ready again with another process in its place."""
    former = plane.pid(part)
    plane.kill(part)
    until(lambda: plane.replaced(part, former), 20, f"{part} did not come back")
    until(plane.ready, 30, f"the plane was not ready again after {part} was killed")


def test_a_lost_executor_is_outranked_by_a_higher_fencing_token(plane: Plane, tmp_path: Path) -> None:
    directory = repository(tmp_path / "outranked", built(f"{SLOW}; mkdir -p dist; echo built > dist/index.html"))
    app = plane.api.project(directory, "react", "outranked")
    deployment = begun(app, "the executor is killed")

    killed_and_back(plane, "executor")

    ended = app.ended(deployment, 60)
    assert ended["status"] == "succeeded", f"{ended['error']}\n{app.text(ended)}"
    assert [event["type"] for event in ended["events"]].count("deployment.leased") == 2
    assert "The executor was lost" in app.text(ended)


def test_a_live_application_answers_on_while_every_part_is_killed(plane: Plane, tmp_path: Path) -> None:
    app = flask_app(plane, tmp_path / "flask", "answers-on")

    with steady_load(plane, app.host) as load:
        for part in OURS:
            before = load.answered
            killed_and_back(plane, part)
            until(lambda: load.answered > before + 20, 20, "the load stands still")  # noqa: B023 - read at once

    assert load.failed == []


def test_deploys_and_rollbacks_under_load_fail_no_request(plane: Plane, tmp_path: Path) -> None:
    app = flask_app(plane, tmp_path / "flask", "under-load")
    first = app.active()
    assert first is not None

    with steady_load(plane, app.host) as load:
        for _ in range(2):
            app.deploy()
            app.roll_back(first)
        until(lambda: len(app.runtime()["instances"]) == 1, 10)

    assert load.failed == []
    assert load.answered > 100


def test_an_application_is_found_again_after_the_whole_plane_was_started_anew(
    plane_of_its_own: Callable[[], Plane], tmp_path: Path
) -> None:
    plane = plane_of_its_own()
    app = flask_app(plane, tmp_path / "flask", "found-again")

    assert plane.stop() == 0
    plane.start()

    app.shows("flask one", seconds=20)


def begun(app: App, note: str) -> dict[str, Any]:
    """A deployment whose build is under way."""
    deployment = app.trigger(note=note)
    until(lambda: "step 3" in app.text(deployment), 60, "the build did not begin")
    return deployment


def flask_app(plane: Plane, directory: Path, name: str) -> App:
    """A Flask server that is live."""
    app = plane.api.project(repository(directory, repositories.flask("one")), "python", name)
    app.deploy()
    app.shows("flask one")
    return app
