"""Steady load on a live Flask application, through deploys and rollbacks, and through the death of every part."""

from pathlib import Path
from time import perf_counter, sleep

from bench.load import Load, loaded
from bench.planes import Plane, measured
from bench.results import Figure, Finding
from bench.rollback import flask
from tests.system.planes import App, until
from tests.system.repositories import commit, repository

AFTER_SECONDS = 6
"""Longer than the edge lets a request wait for an instance: one that hangs is not left uncounted."""
KILLED = ("api", "worker", "executor", "edge", "nats", "postgres")


def run(*, quick: bool) -> Finding:
    """The load through changes, then the load through kills."""
    times = 2 if quick else 20
    with measured() as (plane, directory):
        site = repository(directory / "flask", flask("zero"))
        app = plane.api.project(site, "python", "bench-traffic")
        first = app.deploy()["releaseId"]
        app.shows("flask zero")
        host = f"{app.host}:{plane.edge.rpartition(':')[2]}"
        began = perf_counter()
        with loaded(plane.edge, host) as changes:
            _changes(app, site, first, times)
        took = perf_counter() - began
        kills = {part: _killed(plane, part, host) for part in KILLED}
    how = (
        f"A Flask server from PyPI under steady load (16 kept connections with 25 ms between requests), during "
        f"{times} deploys of new commits and {times} rollbacks, one after another; then while "
        f"{', '.join(KILLED)} (the postmaster) get `kill -9`, one after another, each until the plane is ready again."
    )
    title = f"{times} deploys and {times} rollbacks in {took:,.0f} s"
    figures = _figures(title, changes)
    for part, load in kills.items():
        figures += _figures(f"kill -9 {part}", load)
    return Finding("no request of a live application is lost", how, figures, [f"The load: `{changes.shown}`"])


def _figures(title: str, load: Load) -> list[Figure]:
    failed = f"{load.failed} of {load.total:,} {load.complaints}".strip()
    return [
        Figure(f"{title}: failed requests", failed, "0", load.failed == 0 < load.total),
        Figure(f"{title}: latency", f"p50 {load.latency(50)} · p99 {load.latency(99)} · longest {load.longest}"),
    ]


def _changes(app: App, site: Path, first: str, times: int) -> None:
    """Deploy a new commit, then roll back to the release before it; again and again."""
    release = first
    for number in range(times):
        commit(site, flask(f"number-{number}"), f"Number {number}")
        deployed = app.deploy()["releaseId"]
        app.roll_back(release)
        release = deployed


def _killed(plane: Plane, part: str, host: str) -> Load:
    """The load while the part is killed, until the plane is ready again and every request has had its answer."""
    former = plane.pid(part)
    with loaded(plane.edge, host) as load:
        sleep(1)
        plane.kill(part)
        until(lambda: plane.replaced(part, former) and plane.ready(), 60, f"{part} did not come back")
        sleep(AFTER_SECONDS)
    return load
