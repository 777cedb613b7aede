"""Sixteen processes that write to one log and eight that read it: ``crowd.py URL``. Prints what they saw, as JSON.

They are forks of this process, because to import everything two dozen times would take longer than all that they do.
"""

import asyncio
import sys
from collections.abc import Coroutine
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random
from time import monotonic
from typing import Any

import msgspec
import psycopg

from adapters.database import Database
from adapters.eventlog import EventLog
from commands.ports import VersionConflict
from domain.identifiers import StreamName
from tests.adapters.appends import append, labelled, named

WRITERS, READERS = 16, 8
CALLERS = 4
"""Of each writer."""
SHARED = 8
"""Streams that everybody writes to, beside one of each caller's own."""
SECONDS = 1.5
PATIENCE_SECONDS = 30

_processes = get_context("fork")
_head = _processes.Value("q", 0)
"""The last position, once all writers have ended."""


class Seen(msgspec.Struct):
    """What everybody was told."""

    acknowledged: list[tuple[str, int, int]]
    """Stream, version and position."""
    untrue: list[tuple[str, int]]
    """Stream and version of refused appends although the stream had not moved on."""
    read: list[list[int]]
    """Each reader's positions, as they came."""


def run(url: str) -> Seen:
    """Writers and readers side by side, until the readers have seen what the writers wrote."""
    with ProcessPoolExecutor(WRITERS + READERS, mp_context=_processes) as pool:
        readers = [pool.submit(_alone, _read, url) for _ in range(READERS)]
        writers = [pool.submit(_alone, _write, url, f"writer{number}") for number in range(WRITERS)]
        written = [writer.result(PATIENCE_SECONDS) for writer in writers]
        with psycopg.connect(url) as connection:
            ((_head.value,),) = connection.execute("SELECT max(position) FROM log.events").fetchall()
        read = [reader.result(PATIENCE_SECONDS) for reader in readers]
    return Seen(
        acknowledged=[place for places, _ in written for place in places],
        untrue=[place for _, places in written for place in places],
        read=read,
    )


def _alone(work: Any, url: str, *arguments: str) -> Any:
    """What the work does with a log of this process."""

    async def within() -> Any:
        async with Database.open(url, connections=2) as database, EventLog.open(database) as log:
            return await work(database, log, *arguments)

    coroutine: Coroutine[Any, Any, Any] = within()
    return asyncio.run(coroutine)


async def _read(database: Database, log: EventLog) -> list[int]:
    positions: list[int] = []
    with database.bell() as bell:
        while not (_head.value and positions and positions[-1] >= _head.value):
            bell.clear()
            facts = await log.notifications(after=positions[-1] if positions else 0, limit=1000)
            positions += [fact.position for fact in facts]
            if not facts:
                await bell.wait(0.2)
    return positions


async def _write(_: Database, log: EventLog, name: str) -> tuple[list[tuple[str, int, int]], list[tuple[str, int]]]:
    acknowledged: list[tuple[str, int, int]] = []
    untrue: list[tuple[str, int]] = []
    until = monotonic() + SECONDS

    async def caller(own: str) -> None:
        random = Random(own)  # noqa: S311 - no secret depends on it
        while monotonic() < until:
            stream = StreamName(random.choice([own, own, f"shared-{random.randrange(SHARED)}"]))
            version = len(await log.read(stream))
            facts = [random.choice([named(), labelled(f"{stream}-{version}")]) for _ in range(random.randint(1, 3))]
            try:
                recorded = await log.append(append(stream, version, *facts))
            except VersionConflict:
                if len(await log.read(stream)) == version:
                    untrue.append((stream, version))
            else:
                acknowledged.extend((fact.stream, fact.version, fact.position) for fact in recorded)

    await asyncio.gather(*(caller(f"{name}-{number}") for number in range(CALLERS)))
    return acknowledged, untrue


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(sys.argv[1])))
