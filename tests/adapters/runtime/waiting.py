"""Waiting on conditions, with a bound."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    """Return once the condition holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while True:
        holds = condition()
        if isinstance(holds, Awaitable):
            holds = await holds
        if holds:
            return
        assert time.monotonic() < end, "the condition did not come to hold"
        await asyncio.sleep(0.01)


def running(mark: str) -> list[int]:
    """The live processes whose command line holds the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found
