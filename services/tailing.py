"""Tailing the log: one reader of an office takes each fact after its own checkpoint, at least once and in order."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, Protocol

from psycopg import AsyncConnection

from adapters.database import Database
from adapters.mapping import UnreadableFact
from domain.history import Recorded
from services.offices import hold

PAGE = 500
"""So many facts are taken at a time, and so many may pass before the checkpoint moves."""

POLL_SECONDS = 1.0
"""A bell may be lost; then so long passes at the most."""

QUIET_SECONDS = 0.1
"""When nothing has come for so long, the checkpoint moves."""

Take = Callable[[Sequence[Recorded]], Awaitable[None]]
"""Deals with facts, which may come twice. While it raises what passes by waiting, they come again."""


class Log(Protocol):
    """The log, as one who follows it sees it."""

    async def following(self, after: int, limit: int) -> list[Recorded]:
        """Up to ``limit`` facts behind position ``after``, in order, as far as its bell has told of them."""
        ...


async def tail(database: Database, events: Log, office: str, take: Take) -> NoReturn:
    """Until cancelled: hold the office, and hand over each page of facts behind its checkpoint.

    ``office`` names the checkpoint as well and never changes. Servers that are away are waited for.
    """

    async def lead(connection: AsyncConnection) -> None:
        # A checkpoint lost in a crash of the server costs some facts taken twice; waiting for its disk is dearer.
        await connection.execute("SET synchronous_commit TO off")
        kept = position = await _checkpoint(connection, office)
        with database.bell() as bell:
            while True:
                bell.clear()
                if page := await _page(events, position):
                    await take(page)
                    position = page[-1].position
                elif await bell.wait(QUIET_SECONDS if position > kept else POLL_SECONDS):
                    continue
                if position - kept >= PAGE or (position > kept and not page):
                    await _move_checkpoint(connection, office, position)
                    kept = position

    await hold(database, office, lead)


async def _page(events: Log, position: int) -> list[Recorded]:
    """The following facts; those before an unreadable one come first."""
    try:
        return await events.following(position, PAGE)
    except UnreadableFact:
        return await events.following(position, 1)


async def _checkpoint(connection: AsyncConnection, office: str) -> int:
    found = await (await connection.execute("SELECT position FROM log.tracking WHERE reader = %s", [office])).fetchone()
    return int(found[0]) if found else 0


async def _move_checkpoint(connection: AsyncConnection, office: str, position: int) -> None:
    await connection.execute(
        "INSERT INTO log.tracking VALUES (%s, %s) ON CONFLICT (reader) DO UPDATE"
        " SET position = excluded.position WHERE tracking.position < excluded.position",
        [office, position],
    )
