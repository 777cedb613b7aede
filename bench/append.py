"""Appends a second, against one INSERT a COMMIT by plain psycopg and against other event stores on the same server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.mapping import Mapper
from bench import stores, tails
from bench.quantiles import median
from bench.results import Figure, Finding, at_least, at_most
from bench.rounds import Side, interleaved, ratio
from bench.rows import Row, connected, inserts, rate
from commands.ports import Append
from domain.deployment import DeploymentLeased
from domain.history import Actor, Context
from domain.identifiers import CausationId, DeploymentId, ExecutorId, RequestId, StreamName, TenantId, uuid7
from services.embedded import postgres_running

CALLERS = stores.CALLERS
CONNECTIONS = 16
"""Of plain psycopg, which is fastest with about so many on two cores."""
READERS = 8

_FACT = DeploymentLeased(deployment_id=DeploymentId(uuid7()), executor_id=ExecutorId(uuid7()), fencing_token=1)
_CONTEXT = Context(
    tenant_id=TenantId("tenant"),
    actor=Actor(name="bench"),
    correlation_id=RequestId("request"),
    causation_id=CausationId(uuid7()),
    at=datetime.now(UTC),
)
_STORED = Mapper().stored(StreamName("deployment"), 0, [_FACT], _CONTEXT)
_STATE = _STORED.states[0]


def run(*, quick: bool) -> Finding:
    """Rounds of one and of 64 callers."""
    with (
        TemporaryDirectory(prefix="shipbook-bench-") as directory,
        postgres_running(Path(directory) / "pg") as url,
        ExitStack() as peers,
    ):
        if quick:
            return uvloop.run(_run(url, {}, rounds=1, seconds=0.2))
        others = {
            "eventsourcing": (8, peers.enter_context(stores.eventsourcing(url, _STATE))),
            "Emmett": (3, peers.enter_context(stores.emmett(url, _STATE))),
            "message-db": (3, peers.enter_context(stores.message_db(url, _STATE))),
        }
        return uvloop.run(_run(url, others, rounds=7, seconds=1.5))


async def _run(url: str, peers: dict[str, tuple[float, stores.Store]], rounds: int, seconds: float) -> Finding:
    async with _log(url) as log, connected(url, CONNECTIONS) as connections:
        one: dict[str, Side] = {
            "ours": lambda span: _appends(log, 1, span),
            "plain": lambda span: inserts(connections, 1, span, _rows(1)),
        }
        many: dict[str, Side] = {
            "ours": lambda span: _appends(log, CALLERS, span),
            "plain": lambda span: inserts(connections, CALLERS, span, _rows(CALLERS)),
        }
        many |= {name: _aside(store) for name, (_, store) in peers.items()}
        alone = await interleaved(one, rounds, seconds)
        with tails.following(url, READERS) as wrong:
            together = await interleaved(many, rounds, seconds)
            unseen = await asyncio.to_thread(wrong, await log.head())
    goals = {"plain": 1.5} | {name: goal for name, (goal, _) in peers.items()}
    figures = [
        Figure("1 caller: appends/s", f"{median(alone['ours']):,.0f}"),
        Figure("1 caller ÷ plain", f"{ratio(alone, 'ours', 'plain'):.2f}"),
        *(Figure(f"{CALLERS} callers: appends/s, {name}", f"{median(rates):,.0f}") for name, rates in together.items()),
        *(at_least(f"{CALLERS} callers ÷ {name}", ratio(together, "ours", name), goal) for name, goal in goals.items()),
        at_most(f"positions that one of {READERS} readers missed, saw twice or out of order", unseen, 0, "positions"),
    ]
    return Finding("appends a second", _how(rounds, seconds, bool(peers)), figures)


def _how(rounds: int, seconds: float, peers: bool) -> str:
    how = (
        "Ours: `EventLog.append` of one fact, each caller at its own stream's known version, while "
        f"{READERS} readers in another process tail the log. Plain: psycopg with {CONNECTIONS} connections inserts the "
        "same bytes, encoded beforehand, into a table of the same columns and keys, one row a transaction. Both under "
        "uvloop."
    )
    if peers:
        how += (
            f" The others are given the same bytes by {CALLERS} callers, each at its own stream's known version, with "
            "the number of connections that each did best with: the library eventsourcing's own recorder with "
            f"{stores.EVENTSOURCING_CONNECTIONS}, Emmett under Node with {stores.EMMETT_CONNECTIONS}, and message-db's "
            f"`write_message` from Node with {stores.MESSAGE_DB_CONNECTIONS}."
        )
    return f"{how} {rounds} interleaved rounds of {seconds} s; medians, and the median of the ratios of a round."


@asynccontextmanager
async def _log(url: str) -> AsyncIterator[EventLog]:
    async with Database.open(url) as database, EventLog.open(database) as log:
        yield log


async def _appends(log: EventLog, callers: int, seconds: float) -> float:
    streams = [(StreamName(f"deployment-{uuid7()}"), count()) for _ in range(callers)]

    async def once(caller: int) -> None:
        stream, versions = streams[caller]
        await log.append(Append(stream=stream, version=next(versions), facts=(_FACT,), context=_CONTEXT))

    return await rate(callers, seconds, once)


def _rows(streams: int) -> Iterator[Row]:
    names = [f"deployment-{uuid7()}" for _ in range(streams)]
    return ((name, version, _STORED.tags[0], _STATE) for version in count(1) for name in names)


def _aside(store: stores.Store) -> Side:
    async def side(seconds: float) -> float:
        return await asyncio.to_thread(store, seconds)

    return side
