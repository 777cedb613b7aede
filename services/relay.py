"""The relay: carries each fact of the log to NATS, and queues the work that follows from it.

The log is the outbox: a fact that is recorded is published, however often anybody dies in between. It may be published
twice; its id lets JetStream keep it once.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

import structlog
from prometheus_client import Gauge, Histogram

from adapters.database import Database
from adapters.nats.connecting import Unavailable
from adapters.nats.publishing import FactPublisher
from adapters.nats.work import WorkQueue
from commands.policies import work
from domain.history import Recorded
from services.tailing import Log, tail

OFFICE = "relay"
"""The office's name, and that of the relay's checkpoint."""

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
        await tail(self._database, self._events, OFFICE, self._carry)

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
