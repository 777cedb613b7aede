"""Waiting out a server that is away: the same call again with growing pauses, up to a bound."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from adapters.database import Unavailable

T = TypeVar("T")
log = structlog.get_logger(__name__)

BOUND_SECONDS = 600.0
"""How long a server may be away before the work that needs it is given back."""


async def patiently(call: Callable[[], Awaitable[T]], bound: float = BOUND_SECONDS) -> T:
    """The answer of ``call``, asked again while the database is away. Raises ``Unavailable`` after ``bound`` seconds.

    ``call`` must be safe to repeat.
    """
    pause, deadline = 0.1, asyncio.get_running_loop().time() + bound
    while True:
        try:
            return await call()
        except Unavailable as away:
            if asyncio.get_running_loop().time() + pause > deadline:
                raise
            log.warning("waiting for the database", reason=str(away), seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
