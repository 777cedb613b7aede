"""POST /rollback → every request is answered by the earlier release."""

import json
from dataclasses import dataclass
from itertools import cycle, islice
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
COLD = 5
WHERE = (
    "Where a warm rollback's 70 ms go, in medians under load: 12 ms until the command is recorded and the work queued, "
    "8 ms until an executor has read what is asked, 6 ms for two health checks, 10 ms until the switch is recorded, "
    "projected and known to the edge, and 26 ms, at the most some 60, until Caddy asks again, which it does every "
    "50 ms (`adapters/edge/caddy.py`), and the first request after that is sent. The tail is the wait for one of the "
    "two processors, which the load, the application and its clients share with the plane."
)


@dataclass(frozen=True)
class Rolled:
    """One application's rollbacks: how many seconds each took, and what became of the requests meanwhile."""

    took: list[float]
    started: int
    """How many of them had to start the instance."""
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
        service = _flask(plane, directory, seconds)
    cold = [] if quick else _cold()
    asked, failed = still.asked + service.asked, still.failed + service.failed
    how = (
        f"Back and forth between two releases of one environment, one rollback after another for {seconds} s, under a "
        f"paced load by {CONNECTIONS} connections, while one more client asks for the page every 2 ms on a kept "
        "connection. Measured from the sending of `POST /rollback` to the sending of that client's first request from "
        "which on every answer comes from the wanted release. "
        f"Static: {len(still.took)} rollbacks. Flask: {len(service.took)}, to a release that is kept warm, as every "
        f"replaced one is for five minutes; then, without the load, {len(cold)} on a plane that keeps none (cold)."
    )
    figures = [
        at_most("static, p50", quantile(still.took, 0.5) * 1000, 100, "ms"),
        at_most("static, p99", quantile(still.took, 0.99) * 1000, 250, "ms"),
        Figure("static", milliseconds(still.took)),
        Figure("static: load", still.rate),
        at_most("Flask, warm, p50", quantile(service.took, 0.5) * 1000, 100, "ms"),
        at_most("Flask, warm, p99", quantile(service.took, 0.99) * 1000, 250, "ms"),
        Figure("Flask, warm", milliseconds(service.took)),
        Figure("Flask, warm: instances started", f"{service.started}", "0", not service.started),
        Figure("Flask: load", service.rate),
        *([Figure("Flask, cold", milliseconds(cold))] if cold else []),
        Figure("failed requests", f"{failed} of {asked:,}", "0 of 100,000", not failed and (quick or asked >= 100_000)),
    ]
    return Finding("rollback", how, figures, [f"The load: `{service.load.shown}`", WHERE])


def _static(plane: Plane, directory: Path, seconds: float) -> Rolled:
    site = repository(directory / "site", repositories.static("one"))
    app = plane.api.project(site, "static", "bench-static")
    return _rolled(plane, app, _two_releases(app, site, repositories.static("two")), seconds)


def _flask(plane: Plane, directory: Path, seconds: float) -> Rolled:
    app, releases = _two_flasks(plane, directory)
    return _rolled(plane, app, releases, seconds)


def _cold() -> list[float]:
    """How many seconds rollbacks take whose instance has ended."""
    with measured(SHIPBOOK_WARM_SECONDS="0") as (plane, directory):
        app, releases = _two_flasks(plane, directory)
        took = []
        with watching(plane.edge, app.host) as watch:
            for release, shown in islice(cycle(releases), COLD):
                until(lambda: _alone(app), 60, "the replaced instance does not end")
                took.append(_rolled_back(app, watch, release, shown)[0])
    return took


def _rolled(plane: Plane, app: App, releases: list[tuple[str, str]], seconds: float) -> Rolled:
    took, started, pages = [], 0, dict[str, str]()
    address = f"{app.host}:{plane.edge.rpartition(':')[2]}"
    with watching(plane.edge, app.host) as watch, loaded(plane.edge, address, CONNECTIONS) as load:
        ends = perf_counter() + seconds
        for release, shown in cycle(releases):
            if perf_counter() >= ends:
                break
            lasted, page = _rolled_back(app, watch, release, shown)
            took.append(lasted)
            started += pages.setdefault(shown, page) != page  # a service's page says since when it runs
            pages[shown] = page
    return Rolled(took, started, load.total + len(watch.answers), load.failed + watch.failed, load)


def _two_flasks(plane: Plane, directory: Path) -> tuple[App, list[tuple[str, str]]]:
    site = repository(directory / "flask", flask("one"))
    app = plane.api.project(site, "python", "bench-flask")
    return app, _two_releases(app, site, flask("two"))


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
