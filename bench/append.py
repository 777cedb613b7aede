"""Appends a second, against one INSERT a COMMIT by plain psycopg on the same database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.mapping import Mapper
from bench.quantiles import median
from bench.results import Figure, Finding, at_least
from bench.rows import Row, connected, inserts, rate
from commands.ports import Append
from domain.deployment import DeploymentLeased
from domain.history import Actor, Context
from domain.identifiers import CausationId, DeploymentId, ExecutorId, RequestId, StreamName, TenantId, uuid7
from services.embedded import postgres_running

CONNECTIONS = 16
"""Of plain psycopg, which is fastest with about so many on two cores."""


def run(*, quick: bool) -> Finding:
    """Rounds of one and of 64 callers."""
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, postgres_running(Path(directory) / "pg") as url:
        return uvloop.run(_run(url, rounds=1 if quick else 7, seconds=0.2 if quick else 1.5))


async def _run(url: str, rounds: int, seconds: float) -> Finding:
    async with _log(url) as log, connected(url, CONNECTIONS) as connections:
        rows = _rows()
        figures: list[Figure] = []
        for callers, goal in ((1, None), (64, 1.5)):
            ours, plain = [], []
            for _ in range(rounds):
                plain.append(await inserts(connections[:callers], callers, seconds, rows))
                ours.append(await _appends(log, callers, seconds))
            ratio = median([mine / theirs for mine, theirs in zip(ours, plain, strict=True)])
            who = "1 caller" if callers == 1 else f"{callers} callers"
            figures += [
                Figure(f"{who}: appends/s", f"{median(ours):,.0f}"),
                Figure(f"{who}: plain INSERT + COMMIT/s", f"{median(plain):,.0f}"),
                at_least(f"{who}: ratio", ratio, goal) if goal else Figure(f"{who}: ratio", f"{ratio:.2f}"),
            ]
    how = (
        "`EventLog.append` of one fact (with its version check, reservations and advisory lock) against psycopg with "
        f"at most {CONNECTIONS} connections inserting the same bytes into a table of the same columns and keys, "
        f"one row a transaction. {rounds} interleaved rounds of {seconds} s; medians, and the "
        "median of the ratios of a round."
    )
    return Finding("appends a second", how, figures)


@asynccontextmanager
async def _log(url: str) -> AsyncIterator[EventLog]:
    async with Database.open(url) as database, EventLog.open(database) as log:
        yield log


async def _appends(log: EventLog, callers: int, seconds: float) -> float:
    streams = [(StreamName(f"deployment-{uuid7()}"), count()) for _ in range(callers)]

    async def once(caller: int) -> None:
        stream, versions = streams[caller]
        await log.append(_append(stream, next(versions)))

    return await rate(callers, seconds, once)


def _append(stream: StreamName, version: int) -> Append:
    fact = DeploymentLeased(deployment_id=DeploymentId(uuid7()), executor_id=ExecutorId(uuid7()), fencing_token=1)
    context = Context(
        tenant_id=TenantId("tenant"),
        actor=Actor(name="bench"),
        correlation_id=RequestId("request"),
        causation_id=CausationId(uuid7()),
        at=datetime.now(UTC),
    )
    return Append(stream=stream, version=version, facts=(fact,), context=context)


def _rows() -> Iterator[Row]:
    mapper = Mapper()
    for version in count():
        append = _append(StreamName("deployment"), version)
        (event,) = mapper.stored(append.stream, append.version, append.facts, append.context)
        yield event.stream, event.version, event.tag, event.state
