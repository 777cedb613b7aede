"""The append-only log of facts, as the commands, the projector and the relay see it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString, Self

from adapters.admission import Submission
from adapters.committing import Committer
from adapters.database import EVENTS, Database
from adapters.mapping import Mapper, UnreadableFact
from commands.ports import Append, Request
from domain.history import Recorded
from domain.identifiers import CausationId, StreamName
from domain.reservations import reservations

PATIENCE_SECONDS = 5.0
"""So long an append waits to be recorded before its caller is told to come back."""

BELIEVED_SECONDS = 0.9
"""So long those who follow the log go by what one of them has read, and by what its notifications tell."""

_COLUMNS: LiteralString = "SELECT position, stream, version, tag, state FROM log.events"


class EventLog:
    """The port ``commands.ports.EventLog`` on Postgres, and the tail that projector and relay read.

    Positions count from 1 without a gap, and commit order is position order: ``notifications(after)`` never shows a
    fact whose predecessor will only be seen later. Every method raises ``Unavailable`` while the database is away.
    """

    def __init__(self, database: Database, committer: Committer, mapper: Mapper, patience: float) -> None:
        self._database = database
        self._committer = committer
        self._mapper = mapper
        self._patience = patience
        self._readings: dict[tuple[int, int], asyncio.Task[list[Recorded]]] = {}
        self._latest: list[Recorded] = []
        """What was read last by those who follow the log,"""
        self._read = 0.0
        """and when (``time.monotonic``)."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, *, mapper: Mapper | None = None, patience: float = PATIENCE_SECONDS
    ) -> AsyncIterator[Self]:
        """The log with a committer of its own, which records what is under way before it ends."""
        async with Committer.open(database.conninfo) as committer:
            yield cls(database, committer, mapper or Mapper(), patience)

    async def read(self, stream: StreamName, after: int = 0) -> Sequence[Recorded]:
        """The facts of a stream behind version ``after``, in order."""
        query = _COLUMNS + " WHERE stream = %s AND version > %s ORDER BY version"
        rows = await self._database.fetch(query, [stream, after])
        return [self._mapper.recorded(*row) for row in rows]

    async def append(self, append: Append) -> Sequence[Recorded]:
        """Record the facts, with their reservations, sealed secrets and request, or none of it.

        Raises ``VersionConflict``, ``NameTaken`` or ``RequestReused``. After ``Unavailable`` the facts may have been
        recorded all the same; a command repeated with its causation id finds out.
        """
        if not append.facts:
            return []
        tenant = append.context.tenant_id
        submission = Submission(
            runs=[self._mapper.stored(append.stream, append.version, append.facts, append.context)],
            reservations=[change for fact in append.facts for change in reservations(fact, tenant)],
            sealed=append.sealed,
            request=append.request,
        )
        positions = await self._committer.record(submission, self._patience)
        return [
            Recorded(position=position, stream=append.stream, version=version, fact=fact, context=append.context)
            for version, (position, fact) in enumerate(zip(positions, append.facts, strict=True), append.version + 1)
        ]

    async def request(self, causation_id: CausationId) -> Request | None:
        """The request that was recorded under this causation id, if any."""
        rows = await self._database.fetch(
            "SELECT fingerprint FROM log.requests WHERE causation_id = %s", [causation_id]
        )
        return Request(causation_id=causation_id, fingerprint=rows[0][0]) if rows else None

    async def notifications(self, after: int, limit: int) -> list[Recorded]:
        """Up to ``limit`` facts of all streams behind position ``after``, in order; leave the list as it is.

        Those before an unreadable one come alone; ``UnreadableFact`` is raised when it is the first. All who ask for
        the same at one moment, as those do whom one bell has woken, share a reading.
        """
        asked = after, limit
        if asked not in self._readings:
            self._readings[asked] = asyncio.create_task(self._reading(after, limit))
            self._readings[asked].add_done_callback(_heard)
        return await asyncio.shield(self._readings[asked])

    async def following(self, after: int, limit: int) -> list[Recorded]:
        """Facts behind position ``after`` for those who follow the log, woken by its bell; raises as ``notifications``.

        What one of them has read nobody reads again; and while the last notification speaks of ``after`` nothing is
        read at all. A notification may be lost: then that lasts for ``BELIEVED_SECONDS``.
        """
        if time.monotonic() - self._read < BELIEVED_SECONDS:
            if self._latest and self._latest[0].position <= after + 1 <= self._latest[-1].position:
                return self._latest[after + 1 - self._latest[0].position :][:limit]
            if self._database.told(EVENTS).position == after:
                return []
        read = time.monotonic()
        if facts := await self.notifications(after, limit):
            self._latest = facts
        self._read = read
        return facts

    async def _reading(self, after: int, limit: int) -> list[Recorded]:
        await asyncio.sleep(0)
        del self._readings[after, limit]  # who asks from here on may have heard of facts that this does not see
        rows = await self._database.fetch(_COLUMNS + " WHERE position > %s ORDER BY position LIMIT %s", [after, limit])
        facts: list[Recorded] = []
        for row in rows:
            try:
                facts.append(self._mapper.recorded(*row))
            except UnreadableFact:
                if not facts:
                    raise
                break
        return facts

    async def head(self) -> int:
        """The last position, 0 while the log is empty."""
        rows = await self._database.fetch("SELECT coalesce(max(position), 0) FROM log.events")
        return int(rows[0][0])


def _heard(reading: asyncio.Task[list[Recorded]]) -> None:
    """A reading that all who asked for it have left fails for nobody."""
    if not reading.cancelled():
        reading.exception()
