"""POST /rollback → every request is answered by the earlier release."""

import json
from pathlib import Path
from time import perf_counter

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


def run(*, quick: bool) -> Finding:
    """Back and forth between two releases: of a static site, of a Flask service that still runs, of one that ended."""
    static, service = (3, 2) if quick else (40, 20)
    with measured() as (plane, directory):
        still = _static(plane, directory, static)
        warm, cold, started = _flask(plane, directory, service)
    how = (
        "Back and forth between two releases of one environment, while a client asks for the page every 2 ms on a kept "
        "connection. Measured from the sending of `POST /rollback` to the sending of the first request from which on "
        f"every answer comes from the wanted release. Static: {static} rollbacks. Flask: {service} at once after the "
        f"last switch (warm: the instance still drains), {service} after the instance has ended (cold: it is started)."
    )
    figures = [
        at_most("static, p50", quantile(still, 0.5) * 1000, 100, "ms"),
        at_most("static, p99", quantile(still, 0.99) * 1000, 250, "ms"),
        Figure("static", milliseconds(still)),
        at_most("Flask, warm, p50", quantile(warm, 0.5) * 1000, 100, "ms"),
        at_most("Flask, warm, p99", quantile(warm, 0.99) * 1000, 250, "ms"),
        Figure(f"Flask, warm ({service - started} of {service} found their instance running)", milliseconds(warm)),
        Figure("Flask, cold", milliseconds(cold)),
        Figure("failed requests", "0", "0", met=True),
    ]
    return Finding("rollback", how, figures)


def _static(plane: Plane, directory: Path, times: int) -> list[float]:
    site = repository(directory / "site", repositories.static("one"))
    app = plane.api.project(site, "static", "bench-static")
    releases = _two_releases(app, site, repositories.static("two"))
    with watching(plane.edge, app.host) as watch:
        found = [_rolled_back(app, watch, *releases[number % 2])[0] for number in range(times)]
    assert not watch.failed, f"{watch.failed} requests failed"
    return found


def _flask(plane: Plane, directory: Path, times: int) -> tuple[list[float], list[float], int]:
    """The warm ones, the cold ones, and how many of the warm ones had to start their instance."""
    site = repository(directory / "flask", flask("one"))
    app = plane.api.project(site, "python", "bench-flask")
    releases = _two_releases(app, site, flask("two"))
    warm, cold, started = [], [], 0
    pages: dict[str, str] = {}
    with watching(plane.edge, app.host) as watch:
        for number in range(-2, times):
            release, shown = releases[number % 2]
            took, page = _rolled_back(app, watch, release, shown)
            if number >= 0:
                warm.append(took)
                started += page != pages[shown]
            pages[shown] = page
        for number in range(times, times * 2):
            until(lambda: _alone(app), 60, "the replaced instance does not end")
            cold.append(_rolled_back(app, watch, *releases[number % 2])[0])
    assert not watch.failed, f"{watch.failed} requests failed"
    return warm, cold, started


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
