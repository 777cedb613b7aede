"""The relay: carries each fact of the log to NATS, and queues the work that follows from it.

The log is the outbox: a fact that is recorded is published, however often anybody dies in between. It may be published
twice; its id lets JetStream keep it once.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn, Protocol

import structlog
from prometheus_client import Gauge, Histogram
from psycopg import AsyncConnection

from adapters.database import Database
from adapters.mapping import UnreadableFact
from adapters.nats.connecting import Unavailable
from adapters.nats.publishing import FactPublisher
from adapters.nats.work import WorkQueue
from commands.policies import work
from domain.history import Recorded
from services.offices import hold

OFFICE = "relay"
"""The office's name, and that of the relay's checkpoint."""

PAGE = 512
"""So many facts are carried at a time."""

POLL_SECONDS = 1.0
"""A bell may be lost; then so long passes at the most."""

PAUSE_SECONDS = 0.1
"""Between attempts while NATS does not take a page."""

_lag = Gauge("shipbook_relay_lag_seconds", "Age of the oldest fact that is read and not published, 0 without one.")
_position = Gauge("shipbook_relay_position", "The last position whose fact is published.")
_delay = Histogram(
    "shipbook_relay_delay_seconds",
    "From a command's time until NATS has its facts.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
)

log = structlog.get_logger(__name__)


class Log(Protocol):
    """The log, as one who follows it sees it."""

    async def notifications(self, after: int, limit: int) -> list[Recorded]:
        """Up to ``limit`` facts behind position ``after``, in order."""
        ...


class Relay:
    """Follows the log from its own checkpoint. Any number of processes may run one; one of them works."""

    def __init__(self, database: Database, events: Log, facts: FactPublisher, queue: WorkQueue) -> None:
        self._database = database
        self._events = events
        self._facts = facts
        self._queue = queue
        self._oldest: datetime | None = None
        _lag.set_function(self._age)

    async def run(self) -> NoReturn:
        """Relay until cancelled; servers that are away are waited for."""
        await hold(self._database, OFFICE, self._lead)

    async def _lead(self, connection: AsyncConnection) -> None:
        # A checkpoint lost in a crash of the server costs one page published twice; waiting for its disk is dearer.
        await connection.execute("SET synchronous_commit TO off")
        position = await _checkpoint(connection)
        with self._database.bell() as bell:
            while True:
                bell.clear()
                if page := await self._page(position):
                    await self._carry(page)
                    position = page[-1].position
                    await _move_checkpoint(connection, position)
                else:
                    await bell.wait(POLL_SECONDS)

    async def _page(self, position: int) -> list[Recorded]:
        """The following facts; those before an unreadable one come first."""
        try:
            return await self._events.notifications(position, PAGE)
        except UnreadableFact:
            return await self._events.notifications(position, 1)

    async def _carry(self, page: Sequence[Recorded]) -> None:
        self._oldest = page[0].context.at
        complained = False
        while away := await self._refused(page):
            if not complained:
                log.warning("relay waits for NATS", reason=str(away))
            complained = True
            await asyncio.sleep(PAUSE_SECONDS)
        self._oldest = None
        _position.set(page[-1].position)
        _delay.observe(max(0.0, (datetime.now(UTC) - page[-1].context.at).total_seconds()))

    async def _refused(self, page: Sequence[Recorded]) -> Unavailable | None:
        """Why the page is not on NATS, or None where it is. Work goes first: somebody waits for it."""
        items = {f"{fact.id}/{number}": item for fact in page for number, item in enumerate(work(fact))}
        try:
            if items:
                await self._queue.publish(items)
            await self._facts.publish(page)
        except Unavailable as away:
            return away
        return None

    def _age(self) -> float:
        return 0.0 if self._oldest is None else max(0.0, (datetime.now(UTC) - self._oldest).total_seconds())


async def _checkpoint(connection: AsyncConnection) -> int:
    found = await (await connection.execute("SELECT position FROM log.tracking WHERE reader = %s", [OFFICE])).fetchone()
    return int(found[0]) if found else 0


async def _move_checkpoint(connection: AsyncConnection, position: int) -> None:
    await connection.execute(
        "INSERT INTO log.tracking VALUES (%s, %s) ON CONFLICT (reader) DO UPDATE"
        " SET position = excluded.position WHERE tracking.position < excluded.position",
        [OFFICE, position],
    )
