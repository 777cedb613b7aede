"""Events a second of one writer that appends a hundred at a time, against plain psycopg inserting the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from psycopg import AsyncConnection

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.mapping import Mapper
from bench.quantiles import median
from bench.results import Figure, Finding, at_least
from bench.rounds import interleaved, ratio
from bench.rows import connected, rate
from commands.ports import Append
from domain.deployment import DeploymentLeased
from domain.history import Actor, Context
from domain.identifiers import CausationId, DeploymentId, ExecutorId, RequestId, StreamName, TenantId, uuid7
from services.embedded import postgres_running

EVENTS = 100
"""In one append."""

_NOTE = (
    "The append encodes a hundred facts (35 µs), takes the lock, checks versions, looks for the head and rings "
    "the bell in the server (45), and turns the event loop twice, counts and answers (about 80). Arrays joined a "
    "column at a time and a statement that goes past psycopg's cursors give most of it back; the bare INSERT is "
    "psycopg's own, prepared. Tried and left: runs that the server expands by subscripts (90 µs slower), columns "
    "left out where one stream is meant, a scalar subquery for the check and generic plans (no gain), and a "
    "function for a single stream (30 µs, for a second copy of the check)."
)

_FACT = DeploymentLeased(deployment_id=DeploymentId(uuid7()), executor_id=ExecutorId(uuid7()), fencing_token=1)
_CONTEXT = Context(
    tenant_id=TenantId("tenant"),
    actor=Actor(name="bench"),
    correlation_id=RequestId("request"),
    causation_id=CausationId(uuid7()),
    at=datetime.now(UTC),
)


def run(*, quick: bool) -> Finding:
    """Rounds of one writer."""
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, postgres_running(Path(directory) / "pg") as url:
        return uvloop.run(_run(url, rounds=1 if quick else 9, seconds=0.2 if quick else 1.5))


async def _run(url: str, rounds: int, seconds: float) -> Finding:
    async with (
        Database.open(url) as database,
        EventLog.open(database) as log,
        connected(url, 1) as (connection,),
    ):
        rates = await interleaved(
            {"ours": lambda span: _appended(log, span), "plain": lambda span: _inserted(connection, span)},
            rounds,
            seconds,
        )
    how = (
        f"One caller of `EventLog.append` with {EVENTS} facts at a time, which are encoded and judged too; against "
        "psycopg with one `INSERT … SELECT unnest(…)` a transaction of as many rows of the same bytes, encoded "
        "beforehand, into a table of the same columns and keys. Both under uvloop. "
        f"{rounds} interleaved rounds of {seconds} s; medians, and the median of the ratios of a round."
    )
    figures = [
        at_least("events/s", median(rates["ours"]), 40_000),
        Figure("rows/s of plain psycopg", f"{median(rates['plain']):,.0f}"),
        at_least("ratio", ratio(rates, "ours", "plain"), 0.85),
    ]
    return Finding("events a second, a hundred at a time", how, figures, [_NOTE])


async def _appended(log: EventLog, seconds: float) -> float:
    stream, versions = StreamName(f"deployment-{uuid7()}"), count(0, EVENTS)

    async def once(_: int) -> None:
        await log.append(Append(stream=stream, version=next(versions), facts=(_FACT,) * EVENTS, context=_CONTEXT))

    return EVENTS * await rate(1, seconds, once)


async def _inserted(connection: AsyncConnection, seconds: float) -> float:
    stream, versions = StreamName(f"deployment-{uuid7()}"), count(1, EVENTS)
    stored = Mapper().stored(stream, 0, (_FACT,) * EVENTS, _CONTEXT)

    async def once(_: int) -> None:
        first = next(versions)
        await _insert(connection, [stream] * EVENTS, list(range(first, first + EVENTS)), stored.tags, stored.states)

    return EVENTS * await rate(1, seconds, once)


async def _insert(connection: AsyncConnection, *columns: Sequence[object]) -> None:
    await connection.execute(
        "INSERT INTO bench.events (stream, version, tag, state)"
        " SELECT * FROM unnest(%b::text[], %b::integer[], %b::text[], %b::bytea[])",
        columns,
    )
