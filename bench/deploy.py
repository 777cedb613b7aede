"""Trigger → live of a static site without a build, minus ``git clone`` of the same repository by hand."""

import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from bench.planes import Plane, measured
from bench.quantiles import median, milliseconds, quantile
from bench.results import Figure, Finding, at_most
from bench.watching import watching
from tests.system import repositories
from tests.system.planes import App
from tests.system.repositories import commit, repository


@dataclass(frozen=True)
class Trip:
    """One deployment, in seconds since its trigger; ``clone`` is the one by hand."""

    clone: float
    accepted: float
    succeeded: float
    live: float
    steps: list[tuple[str, float]]


def run(*, quick: bool) -> Finding:
    """Rounds of one clone by hand and one deployment."""
    rounds = 3 if quick else 30
    with measured() as (plane, directory):
        site = repository(directory / "site", repositories.static("first"))
        app = plane.api.project(site, "static", "bench-deploy")
        app.deploy()
        before = _cpu(plane)
        trips = [_trip(plane, app, site, number) for number in range(rounds)]
        cpu = (_cpu(plane) - before) / rounds
    over = [trip.live - trip.clone for trip in trips]
    how = (
        "A repository of two pages on this machine's disk; each round commits a change, clones it by hand with "
        "`git clone --depth 1`, then triggers a deployment, follows its live stream to `done`, and asks for the page "
        f"on a kept connection every 2 ms. {rounds} rounds; live means that a request is answered with the new page."
    )
    figures = [
        at_most("trigger → live minus clone, p50", quantile(over, 0.5) * 1000, 250, "ms"),
        at_most("trigger → live minus clone, p99", quantile(over, 0.99) * 1000, 500, "ms"),
        Figure("git clone by hand", milliseconds([trip.clone for trip in trips])),
        Figure("trigger → 201", milliseconds([trip.accepted for trip in trips])),
        Figure("trigger → the new page is served", milliseconds([trip.live for trip in trips])),
        Figure("trigger → the stream's `done`", milliseconds([trip.succeeded for trip in trips])),
        Figure("CPU of the whole plane a deployment, with the asking", f"{cpu * 1000:.0f} ms"),
    ]
    return Finding("trigger to live", how, figures, ["Between one event and the next, medians:\n\n" + _split(trips)])


def _trip(plane: Plane, app: App, site: Path, number: int) -> Trip:
    text = f"page-{number}-of-the-bench"
    commit(site, repositories.static(text), text)
    clone = _cloned(site)
    with watching(plane.edge, app.host) as watch:
        began = perf_counter()
        deployment = app.trigger()
        accepted = perf_counter() - began
        _follow(app, deployment)
        succeeded = perf_counter() - began
        live = watch.switched(text, began).came - began
        assert not watch.failed
    return Trip(clone, accepted, succeeded, live, _events(app.ended(deployment)))


def _cloned(site: Path) -> float:
    copy = site.with_name("copy")
    began = perf_counter()
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{site}", str(copy)], check=True, timeout=60)
    took = perf_counter() - began
    shutil.rmtree(copy)
    return took


def _follow(app: App, deployment: dict[str, Any]) -> None:
    with app.api.client.stream("GET", f"/deployments/{deployment['id']}/stream") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and '"type":"done"' in line:
                assert '"status":"succeeded"' in line, line
                return
    raise AssertionError("the stream ended before the deployment did")


def _events(deployment: dict[str, Any]) -> list[tuple[str, float]]:
    """What happened to the deployment, and how many seconds after the event before."""
    events = [(_named(event), datetime.fromisoformat(event["at"])) for event in deployment["events"]]
    return [(later[0], (later[1] - earlier[1]).total_seconds()) for earlier, later in pairwise(events)]


def _named(event: dict[str, Any]) -> str:
    """The event's type, and the step where its message names one."""
    step = re.search(r"step '(\w+)'", event["message"])
    return str(event["type"]).partition(".")[2] + (f" ({step[1]})" if step else "")


def _split(trips: list[Trip]) -> str:
    spans: defaultdict[str, list[float]] = defaultdict(list)
    for trip in trips:
        for name, seconds in trip.steps:
            spans[name].append(seconds)
    return "\n".join(f"- {name}: {median(seconds) * 1000:.0f} ms" for name, seconds in spans.items())


def _cpu(plane: Plane) -> float:
    """CPU seconds of the plane's processes so far, and of their children that have ended."""
    assert plane.process
    root = psutil.Process(plane.process.pid)
    return sum(sum(process.cpu_times()[:4]) for process in [root, *root.children(recursive=True)])
