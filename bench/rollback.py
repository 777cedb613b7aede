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
        warm, cold = _flask(plane, directory, service)
    how = (
        "Back and forth between two releases of one environment, while a client asks for the page every 2 ms on a kept "
        "connection. Measured from the sending of `POST /rollback` to the sending of the first request from which on "
        f"every answer comes from the wanted release. Static: {len(still)} rollbacks. Flask: {len(warm)} to an "
        f"instance that still drained (warm), {len(cold)} to one that had ended and was started (cold)."
    )
    figures = [
        at_most("static, p50", quantile(still, 0.5) * 1000, 100, "ms"),
        at_most("static, p99", quantile(still, 0.99) * 1000, 250, "ms"),
        Figure("static", milliseconds(still)),
        at_most("Flask, warm, p50", quantile(warm, 0.5) * 1000, 100, "ms"),
        at_most("Flask, warm, p99", quantile(warm, 0.99) * 1000, 250, "ms"),
        Figure("Flask, warm", milliseconds(warm)),
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


def _flask(plane: Plane, directory: Path, times: int) -> tuple[list[float], list[float]]:
    """The warm ones and the cold ones."""
    site = repository(directory / "flask", flask("one"))
    app = plane.api.project(site, "python", "bench-flask")
    releases = _two_releases(app, site, flask("two"))
    warm: list[float] = []
    cold: list[float] = []
    pages: dict[str, str] = {}
    with watching(plane.edge, app.host) as watch:
        for number in range(times * 3):
            release, shown = releases[number % 2]
            if len(warm) >= times and len(cold) >= times:
                break
            if len(warm) >= times:
                until(lambda: _alone(app), 60, "the replaced instance does not end")
            took, page = _rolled_back(app, watch, release, shown)
            if shown in pages:
                (warm if page == pages[shown] else cold).append(took)
            pages[shown] = page
    assert not watch.failed, f"{watch.failed} requests failed"
    return warm, cold


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
