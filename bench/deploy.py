"""Trigger → live of a static site without a build, minus ``git clone`` of the same repository by hand."""

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from bench.peers import piku
from bench.peers.buildbot import Buildbot, running
from bench.peers.piku import Piku, Push
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


@dataclass(frozen=True)
class Peers:
    """Others who deploy the same repository, and in how many seconds they did."""

    buildbot: Buildbot
    piku: Piku | None
    built: list[float] = field(default_factory=list)
    pushed: list[Push] = field(default_factory=list)

    def deploy(self, site: Path, text: str) -> None:
        """One deployment by each."""
        built = self.buildbot.round()
        assert built["succeeded"]
        self.built.append(float(built["seconds"]))
        if self.piku:
            self.pushed.append(self.piku.push(site, text))

    def figures(self, trips: list[Trip]) -> list[Figure]:
        """Ours against theirs, each without the clone by hand; medians of the rounds' ratios."""
        live = [trip.live - trip.clone for trip in trips]
        done = [trip.succeeded - trip.clone for trip in trips]
        built = [taken - trip.clone for taken, trip in zip(self.built, trips, strict=True)]
        figures = [
            Figure("Buildbot: forced build → finished", milliseconds(self.built)),
            at_most("trigger → live ÷ Buildbot's trigger → finished", _ratio(live, built), 0.5),
        ]
        if not self.piku:
            return figures
        theirs = [push.live - trip.clone for push, trip in zip(self.pushed, trips, strict=True)]
        ended = [push.done - trip.clone for push, trip in zip(self.pushed, trips, strict=True)]
        return [
            *figures,
            Figure(
                "Piku: push → the new page lies where nginx serves it", milliseconds([one.live for one in self.pushed])
            ),
            Figure("Piku: push → returned", milliseconds([one.done for one in self.pushed])),
            at_most("trigger → live ÷ Piku's", _ratio(live, theirs), 0.5),
            at_most("trigger → `done` ÷ Piku's push → returned", _ratio(done, ended), 0.5),
        ]


def run(*, quick: bool) -> Finding:
    """Rounds of one clone by hand, one deployment, and one by each peer."""
    rounds = 3 if quick else 30
    with measured() as (plane, directory):
        site = repository(directory / "site", repositories.static("first") | piku.PROCFILE)
        app = plane.api.project(site, "static", "bench-deploy")
        app.deploy()
        with nullcontext() if quick else _peers(site, directory) as peers:
            trips, cpu = [], 0.0
            for number in range(rounds):
                before = _cpu(plane)
                trips.append(_trip(plane, app, site, f"page-{number}-of-the-bench"))
                cpu += (_cpu(plane) - before) / rounds
                if peers:
                    peers.deploy(site, f"page-{number}-of-the-bench")
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
    notes = ["Between one event and the next, medians:\n\n" + _split(trips)]
    if peers:
        figures += peers.figures(trips)
        notes.append(_BUILDBOT + (_PIKU if peers.piku else _NO_PIKU))
    return Finding("trigger to live", how, figures, notes)


_BUILDBOT = (
    "Then the peers deploy the same commit, one after another; every ratio is without the clone by hand on both sides. "
    "Buildbot's builder clones with depth 1 and copies the files into place; it is forced inside its master, without "
    "HTTP, and measured there. "
)
_PIKU = (
    "Piku gets a `git push` without ssh, and is live as soon as the page lies where nginx would serve it: it resets "
    "one working directory in place, so requests meet half a release, and records nothing but git's log. What we take "
    "beyond the clone is, by the list above: the request, the way through the relay to an executor, git under watch, "
    "a copy known by its content, and a row at the edge. Of the time until the commit is known, git itself takes as "
    "long as by hand; most of the rest is the start of the interpreter that leaves no process of git's behind. One "
    "that waited ready would save it, and be a process more in an idle plane."
)
_NO_PIKU = "Piku was not run: `PIKU_SCRIPT` names no `piku.py`."


@contextmanager
def _peers(site: Path, directory: Path) -> Iterator[Peers]:
    """The peers run, and each has deployed once."""
    script = piku.given()
    place = directory / "buildbot"
    given = {"REPOSITORY": f"file://{site}", "LIVE": str(place / "live")}
    with running("buildbot_deploying.cfg", place, **given) as buildbot:
        peers = Peers(buildbot, Piku(script, directory / "piku") if script else None)
        peers.deploy(site, "first")
        peers.built.clear()
        peers.pushed.clear()
        yield peers


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return median([one / other for one, other in zip(ours, theirs, strict=True)])


def _trip(plane: Plane, app: App, site: Path, text: str) -> Trip:
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
