"""Sweeping: whatever waits for an executor has a message in the work queue, whatever became of NATS.

JetStream is not the truth: it may be wiped, and it may lose what it acknowledged. So once a second the open work, as
the read models tell it, is compared with the messages that are there, and what is missing is queued again.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import NoReturn

import structlog
from prometheus_client import Counter

from adapters.database import Database
from adapters.nats.work import WorkQueue
from commands.policies import WorkItem
from domain.identifiers import uuid7
from services.offices import rounds

PERIOD_SECONDS = 1.0

OpenWork = Callable[[], Awaitable[Collection[WorkItem]]]
"""Every deployment that runs or whose turn has come, and every activation under way that no deployment does."""

_swept = Counter("shipbook_work_swept_total", "Items of work that had no message, and were queued again.")

log = structlog.get_logger(__name__)


class Sweeper:
    """Queues again what the queue has lost. Any number of processes may run one; one of them works.

    Queueing an item that needs nothing any more is harmless. While its message is there, NATS refuses a second one.
    Afterwards an executor gets it, and the domain refuses what it asks: a deployment that has ended takes no lease, and
    an activation that has ended or was outranked is not done again. So the message is acknowledged and gone. The same
    holds when an item ends while it is swept, or when the read models are a moment behind.
    """

    def __init__(self, database: Database, queue: WorkQueue, open_work: OpenWork) -> None:
        self._database = database
        self._queue = queue
        self._open_work = open_work

    async def run(self) -> NoReturn:
        """Sweep until cancelled; servers that are away are waited for."""
        await rounds(self._database, "sweeper", PERIOD_SECONDS, self.sweep)

    async def sweep(self) -> None:
        """Queue each open item that has no message, under a message id of its own, which NATS has not seen yet."""
        there = await self._queue.pending()  # before the open work, or else each item that ends meanwhile seems missing
        missing = [item for item in await self._open_work() if item not in there]
        if missing:
            await self._queue.publish({uuid7(): item for item in missing})
            _swept.inc(len(missing))
            log.info("work was missing from the queue", items=len(missing))
