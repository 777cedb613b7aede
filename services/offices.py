"""Offices: work that one process does at a time, and that another takes over when it dies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import psycopg
import structlog
from psycopg import AsyncConnection

from adapters.cancelling import ended
from adapters.database import Database, Unavailable
from adapters.leadership import leading
from adapters.mapping import UnreadableFact
from adapters.nats import connecting

_FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0

PASSING = (
    Unavailable,
    connecting.Unavailable,
    UnreadableFact,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    OSError,
)
"""What passes by waiting, or by starting a version that can read the fact."""

log = structlog.get_logger(__name__)


async def hold(database: Database, office: str, work: Callable[[AsyncConnection], Awaitable[None]]) -> NoReturn:
    """Until cancelled: wait for the office, then do its work over the connection that holds it.

    Whatever passes by waiting is waited out, and the work begins again; the work may raise it in a group. Each attempt
    is a task of its own, so that a request to stop reaches us whatever the attempt makes of it.
    """
    loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE
    while True:
        began = loop.time()
        attempt = asyncio.create_task(_attempt(database, office, work), name=office)
        try:
            await asyncio.wait([attempt])
        finally:
            await ended(attempt)
        try:
            attempt.result()
        except* PASSING as problems:
            log.warning("office pauses", office=office, reason=str(problems.exceptions[0]), seconds=pause)
        await asyncio.sleep(pause)
        pause = _FIRST_PAUSE if loop.time() - began > 2 * LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)


async def rounds(database: Database, office: str, seconds: float, work: Callable[[], Awaitable[None]]) -> NoReturn:
    """Until cancelled: hold the office, and do its work again and again, ``seconds`` after it was done."""

    async def lead(connection: AsyncConnection) -> None:
        while True:
            await connection.execute("SELECT")  # fails when the office is lost
            await work()
            await asyncio.sleep(seconds)

    await hold(database, office, lead)


async def _attempt(database: Database, office: str, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    async with leading(database, office) as connection:
        await work(connection)
