"""POST /rollback → every request is answered by the earlier release."""

import json
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import perf_counter

from bench.load import Load, loaded
from bench.planes import Plane, measured
from bench.quantiles import milliseconds, quantile
from bench.results import Figure, Finding, at_most
from bench.watching import Watch, watching
from tests.system import repositories
from tests.system.planes import App, until
from tests.system.repositories import commit, repository

FLASK = """
import time
from flask import Flask

app = Flask(__name__)
STARTED = time.time()


@app.get("/")
def index():
    return f"flask {text} since {STARTED}"
"""


SECONDS = 105
"""So long each of the two applications is under load: together for 100,000 requests, at 500 a second."""
CONNECTIONS = 8
"""Of the load; it makes about half of the requests."""
LATE_SECONDS = 60
"""So much longer where no rollback yet was one to an instance that still ran."""
COLD = 5


@dataclass(frozen=True)
class Rolled:
    """One application's rollbacks: how many seconds each took, and what became of the requests meanwhile."""

    warm: list[float]
    cold: list[float]
    asked: int
    failed: int
    load: Load

    @property
    def rate(self) -> str:
        """How fast the load was, and what went wrong with it."""
        return f"{self.load.total / self.load.seconds:,.0f} requests/s {self.load.complaints}".strip()


def run(*, quick: bool) -> Finding:
    """Back and forth between two releases under load: of a static site, of a Flask service."""
    seconds = 2 if quick else SECONDS
    with measured() as (plane, directory):
        still = _static(plane, directory, seconds)
        service = _flask(plane, directory, seconds, 0 if quick else COLD)
    asked, failed = still.asked + service.asked, still.failed + service.failed
    how = (
        f"Back and forth between two releases of one environment, one rollback after another for {seconds} s, under a "
        f"paced load by {CONNECTIONS} connections, while one more client asks for the page every 2 ms on a kept "
        "connection. Measured from the sending of `POST /rollback` to the sending of that client's first request from "
        "which on every answer comes from the wanted release. "
        f"Static: {len(still.warm)} rollbacks. Flask: {len(service.warm)} to an instance that still drained (warm), "
        f"then {len(service.cold)} without the load to one that had ended and was started (cold)."
    )
    figures = [
        at_most("static, p50", quantile(still.warm, 0.5) * 1000, 100, "ms"),
        at_most("static, p99", quantile(still.warm, 0.99) * 1000, 250, "ms"),
        Figure("static", milliseconds(still.warm)),
        Figure("static: load", still.rate),
        at_most("Flask, warm, p50", quantile(service.warm, 0.5) * 1000, 100, "ms"),
        at_most("Flask, warm, p99", quantile(service.warm, 0.99) * 1000, 250, "ms"),
        Figure("Flask, warm", milliseconds(service.warm)),
        Figure("Flask: load", service.rate),
        *([Figure("Flask, cold", milliseconds(service.cold))] if service.cold else []),
        Figure("failed requests", f"{failed} of {asked:,}", "0 of 100,000", not failed and (quick or asked >= 100_000)),
    ]
    return Finding("rollback", how, figures, [f"The load: `{service.load.shown}`"])


def _static(plane: Plane, directory: Path, seconds: float) -> Rolled:
    site = repository(directory / "site", repositories.static("one"))
    app = plane.api.project(site, "static", "bench-static")
    return _rolled(plane, app, _two_releases(app, site, repositories.static("two")), seconds, 0)


def _flask(plane: Plane, directory: Path, seconds: float, cold: int) -> Rolled:
    site = repository(directory / "flask", flask("one"))
    app = plane.api.project(site, "python", "bench-flask")
    return _rolled(plane, app, _two_releases(app, site, flask("two")), seconds, cold)


def _rolled(plane: Plane, app: App, releases: list[tuple[str, str]], seconds: float, cold: int) -> Rolled:
    turns = cycle(releases)
    found: dict[bool, list[float]] = {True: [], False: []}
    pages: dict[str, str] = {}

    def turn() -> None:
        release, shown = next(turns)
        took, page = _rolled_back(app, watch, release, shown)
        if shown in pages:
            found[page == pages[shown]].append(took)  # a service's page says since when it runs
        pages[shown] = page

    with watching(plane.edge, app.host) as watch:
        with loaded(plane.edge, f"{app.host}:{plane.edge.rpartition(':')[2]}", CONNECTIONS) as load:
            ends = perf_counter() + seconds
            while (now := perf_counter()) < ends or (not found[True] and now < ends + LATE_SECONDS):
                turn()
            assert found[True], "every rollback took longer than a replaced instance drains"
        found[False].clear()
        for _ in range(cold):
            until(lambda: _alone(app), 60, "the replaced instance does not end")
            turn()
    return Rolled(found[True], found[False], load.total + len(watch.answers), load.failed + watch.failed, load)


def flask(text: str) -> dict[str, str]:
    """A Flask server that shows ``text`` and the moment of its start."""
    return repositories.flask(text) | {"app.py": FLASK.replace("{text}", text)}


def _alone(app: App) -> bool:
    """Whether no instance runs but the active release's."""
    wanted = {instance["port"] for instance in app.runtime()["instances"]}
    states = [json.loads(file.read_text()) for file in app.api.plane.directory.glob("applications/*/state.json")]
    return all(state["port"] in wanted or state["state"] == "stopped" for state in states)


def _two_releases(app: App, site: Path, second: dict[str, str]) -> list[tuple[str, str]]:
    """Two releases, each with what its page shows; the second one is live."""
    one = app.deploy()["releaseId"]
    commit(site, second, "Second version")
    two = app.deploy()["releaseId"]
    app.shows("two")
    return [(one, "one"), (two, "two")]


def _rolled_back(app: App, watch: Watch, release: str, shown: str) -> tuple[float, str]:
    """How long the rollback took, and the page that was shown then."""
    began = perf_counter()
    app.api.send("POST", "/rollback", {"releaseId": release, "reason": "the bench"})
    first = watch.switched(shown, began)
    until(lambda: app.active() == release, 30)
    return max(0.0, first.sent - began), first.text
