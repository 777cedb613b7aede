"""Lines of logs are kept as long as the operator says, and no longer."""

from datetime import UTC, date, datetime, timedelta

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
from services.operator import grow
from services.retention import Retention

pytestmark = pytest.mark.anyio

LOG = LogId("deployment-4711")


class Later:
    """A clock that stands so many days ahead."""

    def __init__(self, days: int) -> None:
        self.days = days

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)


def stored_days(url: str) -> list[date]:
    with psycopg.connect(ensure_schema(url)) as connection:
        return [day for (day,) in connection.execute("SELECT DISTINCT day FROM lines.chunks ORDER BY day")]


async def test_a_line_is_forgotten_once_it_is_older_than_the_days_that_are_kept(database_url: str) -> None:
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        await grow(database, log, [lines.MODEL])
        store = LineStore(database)
        async with LineWriters.start(store, lambda _: None) as writers, writers.open(LOG, Masks()) as writer:
            await writer.write(b"one\ntwo\n")
            await writer.finish()

        await Retention(database, PostgresReader(database), Later(30), 30).forget()
        assert [line.text for line in await store.read(LOG)] == ["one", "two"]

        await Retention(database, PostgresReader(database), Later(31), 30).forget()
        assert stored_days(database_url) == []
        with pytest.raises(PastRetention, match="before 3"):
            await store.read(LOG)


async def test_zero_days_keep_every_line_for_ever(database_url: str) -> None:
    async with Database.open(database_url) as database:
        await Retention(database, PostgresReader(database), Later(10_000), 0).run()
