"""What grows with history: an append, a command, attaching to a stream and a start, at ten million events."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx
import psycopg

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.settings import Address, Settings, private_directory
from bench.histories import Workspace, write
from bench.lists import database_of
from bench.quantiles import median
from bench.results import Figure, Finding, at_most
from commands.account import EndSession, StartSession
from commands.handling import Handler
from commands.ports import Append
from domain.deployment import DeploymentLeased
from domain.history import Actor, Context
from domain.identifiers import (
    AccountId,
    CausationId,
    DeploymentId,
    ExecutorId,
    RequestId,
    SessionId,
    StreamName,
    TenantId,
    uuid7,
)
from projections.catalogue import ALL
from services.embedded import postgres_running
from services.operator import rebuild
from services.parts import forget_ready, said_ready
from services.plane import own
from services.ports import kept_port
from services.programs import kill_group, spawn

FACTS = int(os.environ.get("BENCH_FACTS", "10000000"))
"""Of the long history; the short one has a thousandth."""
VISITS = 2000
"""Sessions that one account has had, for the stream that is long."""
START_SECONDS = 60.0


@dataclass
class _Plane:
    """The API and the worker over one history, and what they were asked, in seconds."""

    url: str
    settings: Settings
    workspaces: Sequence[Workspace]
    took: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, seconds: float) -> None:
        self.took.setdefault(what, []).append(seconds)

    def median(self, what: str, part: slice) -> float:
        return median(self.took[what][part])


def run(*, quick: bool) -> Finding:
    """Both histories, then rounds of everything on each in turn."""
    facts, rounds, each = (2_000, 1, 3) if quick else (FACTS, 5, 60)
    with TemporaryDirectory(prefix="shipbook-bench-") as name, postgres_running(Path(name) / "pg") as url:
        began = perf_counter()
        short = _plane(url, Path(name), "short", max(1_000, facts // 1000))
        long = _plane(url, Path(name), "long", facts)
        filling = perf_counter() - began
        for _ in range(0 if quick else 3):
            for plane in (short, long):
                with _running(plane):
                    pass
        with ExitStack() as stack:
            for plane in (short, long):
                stack.enter_context(_running(plane))
            for _ in range(rounds):
                for plane in (short, long):
                    asyncio.run(_appends(plane, each))
                    _asks(plane, each)
        replays = asyncio.run(_replays(short.url, 5 if quick else VISITS))
    return _finding(short, long, facts, filling, rounds, each, replays)


def _plane(url: str, directory: Path, name: str, facts: int) -> _Plane:
    database = database_of(url, name)
    workspaces = asyncio.run(_filled(database, facts))
    home = private_directory(directory / name)
    address = Address("127.0.0.1", kept_port(directory / f"{name}.port"))
    return _Plane(database, Settings(data_dir=home, http=address, database_url=database), workspaces)


async def _filled(url: str, facts: int) -> Sequence[Workspace]:
    """The history with its read models; whoever carries facts further has done so."""
    history = await write(url, facts, max(10, facts // 10_000))
    async with Database.open(url) as database, EventLog.open(database) as events:
        await rebuild(database, events, ALL)
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO log.tracking SELECT reader, %s::int8 FROM unnest(%s::text[]) AS reader",
                [history.position, ["relay", "reactor"]],
            )
    with psycopg.connect(url, autocommit=True) as admin:  # no vacuum of gigabytes while we measure
        admin.execute("ALTER TABLE log.events SET (autovacuum_enabled = off)")
        admin.execute("ANALYZE log.events")
    return history.workspaces


@contextmanager
def _running(plane: _Plane) -> Iterator[None]:
    """The worker and the API; how long it takes from their start until both are ready is noted."""
    names = ("worker", "api")
    programs = [own(plane.settings, name, ()) for name in names]
    for program in programs:
        program.prepare()
    with (plane.settings.data_dir / "log").open("ab") as output, ExitStack() as stack:
        began = perf_counter()
        for program in programs:
            process = spawn(program, output)
            stack.callback(process.wait)
            stack.callback(kill_group, process)
        while not all(said_ready(plane.settings.run_dir, name) for name in names):
            assert perf_counter() - began < START_SECONDS, output.name
            time.sleep(0.005)
        plane.note("start", perf_counter() - began)
        yield
    for name in names:
        forget_ready(plane.settings.run_dir, name)


async def _appends(plane: _Plane, times: int) -> None:
    async with Database.open(plane.url) as database, EventLog.open(database) as log:
        for number in range(times + 5):
            append = _append(StreamName(f"deployment-{uuid7()}"))
            began = perf_counter()
            await log.append(append)
            if number >= 5:
                plane.note("append", perf_counter() - began)


def _append(stream: StreamName) -> Append:
    fact = DeploymentLeased(deployment_id=DeploymentId(uuid7()), executor_id=ExecutorId(uuid7()), fencing_token=1)
    return Append(stream=stream, version=0, facts=(fact,), context=_context("tenant"))


def _context(tenant: str) -> Context:
    return Context(
        tenant_id=TenantId(tenant),
        actor=Actor(name="bench"),
        correlation_id=RequestId("request"),
        causation_id=CausationId(uuid7()),
        at=datetime.now(UTC),
    )


def _asks(plane: _Plane, times: int) -> None:
    """Trigger a deployment, and attach to its stream until the first frame is there."""
    with httpx.Client(base_url=f"http://{plane.settings.http}", timeout=30) as client:
        for number in range(times + 2):
            workspace = plane.workspaces[number % len(plane.workspaces)]
            client.headers["Authorization"] = f"Bearer {workspace.token}"
            home = f"/tenants/{workspace.tenant_id}"
            began = perf_counter()
            path = f"{home}/projects/{workspace.project_id}/environments/{workspace.production}/deployments"
            made = client.post(path).raise_for_status().json()
            commanded = perf_counter()
            with client.stream("GET", f"{home}/deployments/{made['id']}/stream") as stream:
                next(line for line in stream.raise_for_status().iter_lines() if line.startswith("data:"))
            attached = perf_counter()
            if number >= 2:
                plane.note("command", commanded - began)
                plane.note("attach", attached - commanded)


async def _replays(url: str, visits: int) -> tuple[float, float]:
    """How long signing in takes for an account that was never signed in before, and after so many sessions."""
    async with Database.open(url) as database, EventLog.open(database) as log:
        handler = Handler(log)
        [row] = await database.fetch("SELECT stream FROM log.events WHERE tag = 'account.registered' LIMIT 1")
        account = AccountId(str(row[0]).removeprefix("account-"))

        async def visit() -> float:
            session = SessionId(uuid7())
            start = StartSession(account_id=account, session_id=session, digest=uuid7(), expires_at=datetime.now(UTC))
            began = perf_counter()
            await handler.handle(start, _context("tenant"))
            took = perf_counter() - began
            await handler.handle(EndSession(account_id=account, session_id=session), _context("tenant"))
            return took

        took = [await visit() for _ in range(visits)]
    edge = max(1, visits // 20)
    return median(took[:edge]), median(took[-edge:])


def _finding(
    short: _Plane, long: _Plane, facts: int, filling: float, rounds: int, each: int, replays: tuple[float, float]
) -> Finding:
    def ratio(what: str) -> float:
        size = len(short.took[what]) // rounds
        parts = [slice(number * size, (number + 1) * size) for number in range(rounds)]
        return median([long.median(what, part) / short.median(what, part) for part in parts])

    def shown(what: str) -> str:
        both = (plane.median(what, slice(None)) * 1000 for plane in (short, long))
        return " · ".join(f"{milliseconds:.2f} ms" for milliseconds in both)

    starts = [max(plane.took["start"]) for plane in (short, long)]
    figures: list[Figure] = []
    for what in ("append", "command", "attach"):
        figures += [at_most(f"{what}, long ÷ short", ratio(what), 1.1), Figure(f"{what}, short · long", shown(what))]
    figures += [
        at_most("start, long ÷ short", long.median("start", slice(None)) / short.median("start", slice(None)), 1.1),
        at_most("start, slowest of all", max(starts) * 1000, 2000, "ms"),
        Figure("start, short · long", shown("start")),
        Figure("signing in, first · after many sessions", " · ".join(f"{took * 1000:.2f} ms" for took in replays)),
    ]
    how = (
        f"A history of {facts:,} events and one of a thousandth, at least 1,000, each with all read models, in one "
        f"Postgres ({filling:,.0f} s to make them). Append: `EventLog.append` of one fact to a stream of its own. "
        "Command: `POST …/deployments` until 201, by a kept connection. Attach: `GET …/deployments/<id>/stream` until "
        "the first frame. Start: from the start of the processes `worker` and `api`, both at once, until both say that "
        f"they are ready, with Postgres running. {rounds} interleaved rounds of {each}; medians, and the median of the "
        "ratios of a round. Signing in: the handler's time on one account's stream, in which every session stays."
    )
    return Finding("cost as history grows", how, figures)
