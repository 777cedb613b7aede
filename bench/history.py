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
from bench.histories import Workspace, go_on, write
from bench.lists import database_of
from bench.multiplied import multiply
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
from services.embedded import nats_running, postgres_running
from services.operator import rebuild
from services.parts import forget_ready, said_ready
from services.plane import own
from services.ports import kept_port
from services.programs import kill_group, spawn

FACTS = int(os.environ.get("BENCH_FACTS", "10000000"))
"""Of the long history; the short one has a thousandth."""
PARTS, FIRST = 100, 1_000
"""Of how many parts the read models are really grown from the first, and how many facts that has at the least."""
ASKED = 10
"""So many workspaces are asked in either, for those that asked are remembered."""
VISITS = 2000
"""Sessions that one account has had, for the stream that is long."""
START_SECONDS = 60.0
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_ROWS_READ = (
    "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables WHERE schemaname <> 'read_models'"
)
"""Without the checkpoints, which are looked up again and again while a process waits."""


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
    facts, starts, rounds, each = (2_000, 0, 1, 3) if quick else (FACTS, 15, 9, 40)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="shipbook-bench-")))
        url = stack.enter_context(postgres_running(directory / "pg"))
        with psycopg.connect(url, autocommit=True) as admin:  # no vacuum of gigabytes while we measure
            admin.execute("ALTER SYSTEM SET autovacuum TO off")
            admin.execute("SELECT pg_reload_conf()")
        began = perf_counter()
        short, long = (
            _plane(url, directory, name, size, stack.enter_context(nats_running(private_directory(directory / name))))
            for name, size in (("short", max(1_000, facts // 1000)), ("long", facts))
        )
        with psycopg.connect(url, autocommit=True) as admin:  # what filling left is written before we measure
            admin.execute("CHECKPOINT")
        filling = perf_counter() - began
        for number in range(starts):
            for plane in _in_turn(short, long, number):
                _start(plane)
        for plane in (short, long):
            stack.enter_context(_running(plane))
        for number in range(rounds):
            for plane in _in_turn(short, long, number):
                asyncio.run(_appends(plane, each))
                _asks(plane, each)
        replays = asyncio.run(_replays(short.url, 5 if quick else VISITS))
    return _finding(short, long, facts, filling, starts + 1, rounds, each, replays)


def _in_turn(short: _Plane, long: _Plane, number: int) -> Sequence[_Plane]:
    """Who is second finds the machine as the first one has left it, so they change places."""
    return (long, short) if number % 2 else (short, long)


def _plane(url: str, directory: Path, name: str, facts: int, nats: str) -> _Plane:
    database = database_of(url, name)
    workspaces = asyncio.run(_filled(database, facts))
    address = Address("127.0.0.1", kept_port(directory / f"{name}.port"))
    settings = Settings(data_dir=directory / name, http=address, database_url=database, nats_url=nats)
    return _Plane(database, settings, workspaces)


async def _filled(url: str, facts: int) -> Sequence[Workspace]:
    """The history with its read models, which are grown from its first part and multiplied.

    Whoever carries facts further has done so.
    """
    history = await write(url, min(facts, max(FIRST, facts // PARTS)), max(ASKED, facts // 10_000))
    async with Database.open(url) as database, EventLog.open(database) as events:
        await rebuild(database, events, ALL)
        first = history.position
        await go_on(database.conninfo, history, facts - first)
        await asyncio.to_thread(multiply, url, history.beginnings, first, history.position)
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO log.tracking SELECT reader, %s::int8 FROM unnest(%s::text[]) AS reader",
                [history.position, ["relay", "reactor"]],
            )
    with psycopg.connect(url, autocommit=True) as admin:
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


def _start(plane: _Plane) -> None:
    """Start both and end them; how many rows they have read is noted, too."""
    before = _rows_read(plane.url)
    with _running(plane):
        pass
    plane.note("rows", _rows_read(plane.url) - before)


def _rows_read(url: str) -> int:
    """How many rows of the log, the read models and the lines have ever been read, once nobody reads any more."""
    began = perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(_OTHERS).fetchone() != (0,):
            assert perf_counter() - began < START_SECONDS, url
            time.sleep(0.005)
        [(rows,)] = connection.execute(_ROWS_READ).fetchall()
    return int(rows)


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
            workspace = plane.workspaces[number % ASKED]
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
    short: _Plane,
    long: _Plane,
    facts: int,
    filling: float,
    starts: int,
    rounds: int,
    each: int,
    replays: tuple[float, float],
) -> Finding:
    def ratio(what: str, rounds: int) -> float:
        size = len(short.took[what]) // rounds
        parts = [slice(number * size, (number + 1) * size) for number in range(rounds)]
        return median([long.median(what, part) / short.median(what, part) for part in parts])

    def shown(what: str) -> str:
        both = (plane.median(what, slice(None)) * 1000 for plane in (short, long))
        return " · ".join(f"{milliseconds:.2f} ms" for milliseconds in both)

    slowest = max(max(plane.took["start"]) for plane in (short, long))
    figures: list[Figure] = []
    for what in ("append", "command", "attach", "start"):
        figures.append(at_most(f"{what}, long ÷ short", ratio(what, starts if what == "start" else rounds), 1.1))
        figures.append(Figure(f"{what}, short · long", shown(what)))
    if "rows" in short.took:
        rows = (f"{plane.median('rows', slice(None)):,.0f}" for plane in (short, long))
        figures.append(Figure("rows that a start reads, short · long", " · ".join(rows)))
    figures += [
        at_most("start, slowest of all", slowest * 1000, 2000, "ms"),
        Figure("signing in, first · after many sessions", " · ".join(f"{took * 1000:.2f} ms" for took in replays)),
    ]
    how = (
        f"A history of {facts:,} events and one of a thousandth, at least 1,000, each in a database of one Postgres "
        f"with a NATS server of its own ({filling:,.0f} s to make them). The log is whole; the read models are grown "
        "from its first hundredth and multiplied in SQL to the size that they would have. "
        "Append: `EventLog.append` of one fact to a stream of its own. Command: `POST …/deployments` until 201, by a "
        "kept connection, in ten workspaces. Attach: `GET …/deployments/<id>/stream` until the first frame. "
        f"{rounds} interleaved rounds of {each}; medians, and the median of the ratios of a round. Start: from the "
        "start of the processes `worker` and `api`, both at once, until both say that they are ready, with Postgres "
        f"and NATS running; {starts} rounds of one each. In each round the other one begins. Signing in: the "
        "handler's time on one account's stream, in which every session stays."
    )
    return Finding("cost as history grows", how, figures)
