"""When tokens and sessions were used last: kept beside the log, written at most once a minute for each.

It may be lost; it is for people who look which of their tokens nobody needs any more.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Self

from adapters.cancelling import ended
from adapters.database import Database, Unavailable
from domain.fact import Value

SELDOM_SECONDS = 60.0
"""So often a use of the same token is written at the most."""
GATHER_SECONDS = 0.5
"""Uses that come within it are written together."""
MOST_KEPT = 20_000
"""Tokens and sessions that this process remembers to have written; behind that the first is written again."""


class Use(Value):
    """The last use."""

    at: datetime
    address: str


class Uses:
    """Notes uses, and tells them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: OrderedDict[str, float] = OrderedDict()
        self._fresh: dict[str, Use] = {}
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database) -> AsyncIterator[Self]:
        """Uses that are written for as long as the context lasts."""
        uses = cls(database)
        writing = asyncio.create_task(uses._write(), name="uses")
        try:
            yield uses
        finally:
            await ended(writing)

    def note(self, identifier: str, at: datetime, address: str) -> None:
        """A token or session was used."""
        now = time.monotonic()
        if now - self._written.get(identifier, -SELDOM_SECONDS) < SELDOM_SECONDS:
            return
        self._written[identifier] = now
        self._written.move_to_end(identifier)
        if len(self._written) > MOST_KEPT:
            self._written.popitem(last=False)
        self._fresh[identifier] = Use(at=at, address=address)
        self._news.set()

    async def of(self, identifiers: Sequence[str]) -> dict[str, Use]:
        """The last uses that are known. Raises ``Unavailable``."""
        rows = await self._database.fetch(
            "SELECT id, at, address FROM access.uses WHERE id = ANY(%s)", [list(identifiers)]
        )
        stored = {identifier: Use(at=at, address=address) for identifier, at, address in rows}
        return stored | {one: use for one in identifiers if (use := self._fresh.get(one))}

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._news.clear()
            uses, self._fresh = self._fresh, {}
            with suppress(Unavailable):
                await self._database.fetch(
                    "INSERT INTO access.uses AS known SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[])"
                    " ON CONFLICT (id) DO UPDATE SET at = excluded.at, address = excluded.address"
                    " WHERE known.at < excluded.at RETURNING 1",
                    [list(uses), [use.at for use in uses.values()], [use.address for use in uses.values()]],
                )
