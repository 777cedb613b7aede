"""Lines of logs are kept as long as the operator says, and no longer."""

from datetime import date, timedelta
from inspect import signature

import psycopg
import pytest

from adapters.database import Database, ensure_schema
from adapters.eventlog import EventLog
from adapters.linestore import LineStore, PastRetention
from adapters.linewriting import LineWriters
from adapters.masking import Masks
from adapters.reading import PostgresReader
from domain.identifiers import LogId
from projections import lines
from services.growers import grow
from services.retention import Retention

pytestmark = pytest.mark.anyio

LOG = LogId("deployment-4711")
DAY = timedelta(days=1)


def stored_days(url: str) -> list[date]:
    with psycopg.connect(ensure_schema(url)) as connection:
        return [day for (day,) in connection.execute("SELECT DISTINCT day FROM lines.chunks ORDER BY day")]


def age(url: str, days: int) -> None:
    """Let the lines that are stored today have been stored so many days ago."""
    with psycopg.connect(ensure_schema(url)) as connection:
        row = connection.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone()
        assert row is not None
        day = row[0] - timedelta(days=days)
        place = f"lines.chunks_{day:%Y%m%d} PARTITION OF lines.chunks FOR VALUES FROM ('{day}') TO ('{day + DAY}')"
        connection.execute(f"CREATE TABLE {place}".encode())
        connection.execute("UPDATE lines.chunks SET day = %s WHERE day = %s", [day, row[0]])
        connection.execute("UPDATE lines.logs SET first_day = %s", [day])


async def kept(database: Database, lines_of: LineStore, days: int) -> list[str]:
    """What is left of the log after lines older than so many days were forgotten."""
    await Retention(database, PostgresReader(database), days).forget()
    return [line.text for line in await lines_of.read(LOG)]


async def test_a_line_is_forgotten_once_it_is_older_than_the_days_that_are_kept(database_url: str) -> None:
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        await grow(database, log, [lines.MODEL])
        store = LineStore(database)
        async with LineWriters.start(store, lambda _: None) as writers, writers.open(LOG, Masks()) as writer:
            await writer.write(b"one\ntwo\n")
            await writer.finish()

        age(database_url, 30)
        assert await kept(database, store, 30) == ["one", "two"]

        with pytest.raises(PastRetention, match="before 3"):
            await kept(database, store, 29)
        assert stored_days(database_url) == []


async def test_zero_days_keep_every_line_for_ever(database_url: str) -> None:
    async with Database.open(database_url) as database:
        await Retention(database, PostgresReader(database), 0).run()


def test_a_worker_whose_clock_is_wrong_forgets_no_line_too_early() -> None:
    """Lines are stored and forgotten by one clock, the database's. A clock of ours, years ahead, forgot them all."""
    assert list(signature(Retention).parameters) == ["database", "reader", "days"]
