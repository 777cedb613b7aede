"""All read models from the log again: how fast, beside others' rebuilds, and what readers notice meanwhile."""

import asyncio
import gc
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, cycle, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import perf_counter, sleep

import msgspec
import psutil

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.growths import Growth, Phase
from adapters.operations import Operations
from adapters.settings import Settings
from bench import rebuilders
from bench.histories import Workspace, write
from bench.paced import Client, paced
from bench.planes import Plane, measured
from bench.quantiles import median, milliseconds, quantile
from bench.results import Figure, Finding, at_least, at_most
from projections.catalogue import ALL
from services.embedded import postgres_running
from services.growers import LONG, PROCESSES
from services.operator import rebuild

FACTS, QUICK_FACTS, TENANTS = 1_000_000, 20_000, 50
ROUNDS = 5
"""Of a million facts each, half a minute long."""
READS = 200
"""A second."""
WRITES = 10
"""A second, so that rows move on while they are compared and replaced."""
_SLICE_SECONDS = 3.0
_BASELINE_SLICES = 5
_PAGE = 10_000
_LOOK_SECONDS = 0.5
"""Between two looks at how large the processes of a rebuild are."""

Rates = dict[str, list[float]]


def run(*, quick: bool) -> Finding:
    """Rounds of all ways; then one rebuild while readers read."""
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, postgres_running(Path(directory) / "pg") as url:
        history = asyncio.run(write(url, QUICK_FACTS if quick else FACTS, 5 if quick else TENANTS))
        server = Settings(data_dir=Path(directory).resolve() / "pg").postgres_dir
        rates = asyncio.run(_rounds(url, server, 1 if quick else ROUNDS, peers=not quick))
        figures, notes = [*_rate_figures(rates)], [_explained(rates)]
        if not quick:
            met = _met(url, history.workspaces)
            figures += met.figures()
            notes.append(met.note())
    how = (
        f"A log of {history.position:,} facts of {len(history.workspaces)} workspaces (`bench/histories.py`). A "
        "rebuild grows all read models in one pass, makes their indexes, compares every row with the live one and "
        "takes its place; all of that counts. SELECT + decode reads and decodes the same facts in pages and does "
        f"nothing else. The peers make rows of {rebuilders.EVENTS:,} events of their own, one row an event and one a "
        "stream. Rounds are interleaved; medians, and the medians of a round's ratios."
    )
    return Finding("all read models again from the log", how, figures, notes)


def _rate_figures(rates: Rates) -> list[Figure]:
    named = {
        "shipbook": "rebuild of all read models: facts/s",
        "decode": "SELECT + decode alone: facts/s",
        "eventsourcing": "eventsourcing's ProjectionRunner: events/s",
        "emmett": "Emmett's rebuild: events/s",
    }
    figures = [Figure(what, f"{median(rates[name]):,.0f}") for name, what in named.items() if name in rates]
    for other, goal in (("decode", 0.4), ("eventsourcing", 10), ("emmett", 3)):
        if other in rates:
            figures.append(at_least(f"÷ {other}", _ratio(rates, other), goal))
    return figures


def _ratio(rates: Rates, other: str) -> float:
    return median([ours / theirs for ours, theirs in zip(rates["shipbook"], rates[other], strict=True)])


def _explained(rates: Rates) -> str:
    phases = ", ".join(f"{name} {median(rates[name]):.0%}" for name in ("loading", "indexing", "comparing"))
    cores = (median(rates["cpu"]) + median(rates["server"])) * median(rates["shipbook"]) / 1e6
    return (
        f"Of a rebuild's time: {phases} (with the swap). Its processes took {median(rates['cpu']):.1f} µs of CPU a "
        f"fact (reading, decoding, folding, forming and sending the COPY), the server {median(rates['server']):.1f}. "
        f"From {LONG:,} facts on {PROCESSES} processes fold pages in turns, without the collector, and one loads them. "
        f"All of them together kept {cores:.1f} cores busy; once all are, only less work is faster. SELECT + decode "
        f"with the collector resting as well does {median(rates['bare decode']):,.0f} facts/s, a ratio of "
        f"{_ratio(rates, 'bare decode'):.2f}."
    )


async def _rounds(url: str, server: Path, rounds: int, *, peers: bool) -> Rates:
    rates: Rates = {}

    def note(**found: float) -> None:
        for name, value in found.items():
            rates.setdefault(name.replace("_", " "), []).append(value)

    with ExitStack() as stack:
        others = {
            name: stack.enter_context(getattr(rebuilders, name)(url)) for name in ("eventsourcing", "emmett") if peers
        }
        async with Database.open(url) as database, EventLog.open(database) as events:
            await rebuild(database, events, ALL)  # the live rows, which all others are compared with
            for _ in range(rounds):
                note(decode=await _decoded(events))
                gc.disable()
                note(bare_decode=await _decoded(events))
                gc.enable()
                note(**await _rebuilt(database, events, server))
                note(**{name: await asyncio.to_thread(other) for name, other in others.items()})
    return rates


async def _decoded(events: EventLog) -> float:
    """Facts a second, read and decoded."""
    began, position = perf_counter(), 0
    while facts := await events.notifications(position, _PAGE):
        position = facts[-1].position
    return position / (perf_counter() - began)


async def _rebuilt(database: Database, events: EventLog, server: Path) -> dict[str, float]:
    """Facts a second, the shares of its phases, and the CPU time of its processes and the server's in µs a fact."""
    told = [(perf_counter(), Phase.LOADING)]

    def tell(growth: Growth) -> None:
        told.append((perf_counter(), growth.phase))

    cpu, served = sum(os.times()[:4]), _server_seconds(server)
    await rebuild(database, events, ALL, tell)
    facts, seconds = await events.head(), perf_counter() - told[0][0]
    told.append((perf_counter(), Phase.DONE))
    shares = dict.fromkeys(("loading", "indexing", "comparing"), 0.0)
    for (at, phase), (until, following) in pairwise(told):
        # Loading is told at the end of a page, the other phases at their beginning; processes tell in turn.
        shares[following if following is Phase.LOADING else phase] += (until - at) / seconds
    used = {"cpu": sum(os.times()[:4]) - cpu, "server": _server_seconds(server) - served}
    return {"shipbook": facts / seconds, **shares, **{name: spent / facts * 1e6 for name, spent in used.items()}}


def _server_seconds(directory: Path) -> float:
    """CPU time of the PostgreSQL server that works in this directory, with that of its processes that have ended."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == directory:
                times = (process / "stat").read_text().rpartition(")")[2].split()[11:15]  # proc(5)
                ticks += sum(map(int, times))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass
class _Met:
    """What readers met: seconds of each read before and during a rebuild, and whatever was wrong."""

    before: list[float] = field(default_factory=list)
    meanwhile: list[float] = field(default_factory=list)
    refused: int = 0
    backwards: int = 0
    differing: int = 0
    writes: int = 0
    megabytes: float = 0.0

    def figures(self) -> list[Figure]:
        ratio = quantile(self.meanwhile, 0.99) / quantile(self.before, 0.99)
        return [
            Figure(f"{READS} reads/s before", milliseconds(self.before)),
            Figure(f"{READS} reads/s during a rebuild", milliseconds(self.meanwhile)),
            Figure("p99 during ÷ before", f"{ratio:.2f}", "≤ 1.5", ratio <= 1.5),
            at_most("answers that were no 2xx", self.refused, 0, ""),
            at_most("answers that went back in time", self.backwards, 0, ""),
            at_most("rows not byte-identical to the live ones", self.differing, 0, ""),
            Figure("memory of the largest of the rebuild's processes", f"{self.megabytes:,.0f} MB"),
        ]

    def note(self) -> str:
        return (
            f"The readers' part is a whole plane: {len(self.meanwhile):,} reads during `shipbook ops rebuild --all` in "
            f"a process of its own, due at random moments, while {self.writes:,} changes were made. Server, plane, "
            "rebuild and clients share the machine's cores."
        )


def _met(url: str, workspaces: Sequence[Workspace]) -> _Met:
    with measured(SHIPBOOK_DATABASE_URL=url) as (plane, _):
        return asyncio.run(_read_meanwhile(plane, url, workspaces))


async def _read_meanwhile(plane: Plane, url: str, workspaces: Sequence[Workspace]) -> _Met:
    met, seen = _Met(), dict[str, int]()
    async with Client.open(plane.http) as client, _writing(client, plane, workspaces, met):
        once = _reading(client, plane, workspaces, met, seen)
        for _ in range(_BASELINE_SLICES):
            met.before += await paced(once, READS, _SLICE_SECONDS)
        rebuilding = asyncio.create_task(asyncio.to_thread(_rebuilt_apart, url, plane))
        while not rebuilding.done():
            met.meanwhile += await paced(once, READS, _SLICE_SECONDS)
        met.megabytes = await rebuilding
    async with Database.open(url) as database:
        met.differing = sum(one.growth.differing for one in await Operations(database).standings() if one.growth)
    return met


def _rebuilt_apart(url: str, plane: Plane) -> float:
    """Rebuild in processes of its own, as operators do; the megabytes that the largest one took."""
    argv = [sys.executable, "-m", "services", "ops", "rebuild", "--all", "--data-dir", str(plane.directory)]
    peak = 0.0
    with (
        TemporaryFile() as said,
        subprocess.Popen(
            argv, env=os.environ | {"SHIPBOOK_DATABASE_URL": url}, stdout=subprocess.DEVNULL, stderr=said
        ) as rebuilding,
    ):
        while rebuilding.poll() is None:
            peak = max(peak, *_peaks(rebuilding.pid))
            sleep(_LOOK_SECONDS)
        said.seek(0)
        assert rebuilding.returncode == 0, said.read().decode()
    return peak


def _peaks(pid: int) -> Iterator[float]:
    """The most megabytes that the process and those that it started had, of those that still run.

    Not as ``wait4`` tells it, which counts what a process had of ours before it became another program.
    """
    yield 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with suppress(OSError, TypeError):
                status = Path(f"/proc/{one.pid}/status").read_text()
                yield int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]  # gone: TypeError


def _reading(
    client: Client, plane: Plane, workspaces: Sequence[Workspace], met: _Met, seen: dict[str, int]
) -> Callable[[], asyncio.Future[None]]:
    """Reads a list; the newest fact of a workspace must not be older than in an answer before."""
    turns = cycle(workspaces)
    asked = count()

    async def once() -> None:
        workspace = next(turns)
        tenant = workspace.tenant_id
        if next(asked) % 2:
            path = f"/tenants/{tenant}/projects/{workspace.project_id}/deployments?pageSize=20"
            status, _ = await client.ask(_request("GET", path, plane, workspace.token))
        else:
            before = seen.get(tenant, 0)
            path = f"/tenants/{tenant}/audit?limit=1"
            status, body = await client.ask(_request("GET", path, plane, workspace.token))
            newest = msgspec.json.decode(body)["items"][0]["position"] if status == 200 else before
            met.backwards += newest < before
            seen[tenant] = max(seen.get(tenant, 0), newest)
        met.refused += not 200 <= status < 300

    return lambda: asyncio.ensure_future(once())


@asynccontextmanager
async def _writing(client: Client, plane: Plane, workspaces: Sequence[Workspace], met: _Met) -> AsyncIterator[None]:
    """Changes go on for the length of the block."""

    async def write_on() -> None:
        for number, workspace in zip(count(), cycle(workspaces), strict=False):
            path = f"/tenants/{workspace.tenant_id}/projects/{workspace.project_id}"
            body = msgspec.json.encode({"description": f"The {number}th."})
            status, _ = await client.ask(_request("PATCH", path, plane, workspace.token, body))
            met.refused += not 200 <= status < 300
            met.writes += 1
            await asyncio.sleep(1 / WRITES)

    writing = asyncio.create_task(write_on())
    try:
        yield
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


def _request(method: str, path: str, plane: Plane, token: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: {plane.http}\r\nAuthorization: Bearer {token}\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{head}{kind}\r\n".encode() + body
