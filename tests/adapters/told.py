"""A log that holds a told history, with what tests of the read models need of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import sql

from adapters import tables
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.mapping import Mapper
from adapters.readmodels import live
from domain.history import Recorded
from projections.catalogue import ALL
from projections.changes import ReadModel
from services.projector import Projector


def tell(url: str, facts: Sequence[Recorded]) -> None:
    """Put recorded facts into the log at their places, and ring the bell."""
    statement = "INSERT INTO log.events (position, stream, version, tag, state) VALUES (%s, %s, %s, %s, %s)"
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(statement, [_stored(recorded) for recorded in facts])
        cursor.execute("SELECT pg_notify('events', '')")


def _stored(recorded: Recorded) -> tuple[Any, ...]:
    stored = Mapper().stored(recorded.stream, recorded.version - 1, [recorded.fact], recorded.context)
    return recorded.position, recorded.stream, recorded.version, stored.tags[0], stored.states[0]


def contents(url: str, models: Sequence[ReadModel] = tuple(ALL.values())) -> dict[str, list[str]]:
    """Every row of every live table, byte for byte as PostgreSQL prints it."""
    found = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for model in models:
            for table in model.tables:
                named = tables.name(live(model.name), table)
                query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY {}").format(named, tables.names(table.key))
                found[f"{model.name}.{table.name}"] = [row[0] for row in connection.execute(query)]
    return found


def checkpoints(url: str) -> dict[str, tuple[int, int | None]]:
    """Every generation's position, and where it stopped."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT generation, position, stopped_at FROM read_models.checkpoints"
        return {name: (position, stopped) for name, position, stopped in connection.execute(query)}


@asynccontextmanager
async def projecting(
    database: Database, log: EventLog, models: Mapping[str, ReadModel] = ALL
) -> AsyncIterator[asyncio.Task[None]]:
    """A projector runs within the block."""
    task = asyncio.create_task(Projector(database, log, models).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
