"""Who works on what, as Postgres knows it: locks on a connection that lives as long as its process does.

An executor that is cut off from NATS loses its lease there, and its work is offered to another one. That one looks here
before it takes it for lost.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from psycopg import AsyncConnection

from adapters.database import Database
from adapters.leadership import held, release, take
from domain.identifiers import ExecutorId, uuid7
from services.offices import hold

SIGN_SECONDS = 1.0
"""Between signs of life."""

SILENT_SECONDS = 5
"""After so long without one the server ends the connection, and with it the locks: who hangs is not present."""


class Presence:
    """The leases that this process works under, shown to the others while ``run`` runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._working: set[ExecutorId] = set()
        self._changed = asyncio.Event()

    @contextmanager
    def working(self, executor_id: ExecutorId) -> Iterator[None]:
        """Whoever leases as ``executor_id`` works for the length of the context; shown a moment later."""
        self._working.add(executor_id)
        self._changed.set()
        try:
            yield
        finally:
            self._working.discard(executor_id)
            self._changed.set()

    async def of(self, executor_id: ExecutorId) -> bool:
        """Whether it is at work, here or elsewhere. Raises ``Unavailable``."""
        async with self._database.connection() as connection:
            return bool(await held(connection, [_office(executor_id)]))

    async def run(self) -> NoReturn:
        """Show it until cancelled; a server that is away is waited for."""
        await hold(self._database, f"presence of {uuid7()}", self._show)

    async def _show(self, connection: AsyncConnection) -> None:
        await connection.execute(f"SET idle_session_timeout = '{SILENT_SECONDS}s'".encode())
        shown: set[ExecutorId] = set()
        while True:
            self._changed.clear()
            for begun in self._working - shown:
                if await take(connection, _office(begun), within=SIGN_SECONDS):
                    shown.add(begun)
            for ended in shown - self._working:
                await release(connection, _office(ended))
                shown.discard(ended)
            await connection.execute("SELECT")
            with suppress(TimeoutError):
                async with asyncio.timeout(SIGN_SECONDS):
                    await self._changed.wait()


def _office(executor_id: ExecutorId) -> str:
    return f"work of {executor_id}"
