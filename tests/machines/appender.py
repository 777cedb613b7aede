"""Appends to streams of its own until it is done or killed, and says which places were acknowledged."""

import asyncio
import sys

from adapters.database import Database
from adapters.eventlog import EventLog
from tests.adapters.appends import append, named


async def main(url: str, name: str, streams: int, appends: int) -> None:
    async with Database.open(url) as database, EventLog.open(database) as log:
        await asyncio.gather(*(fill(log, f"{name}-{number}", appends) for number in range(streams)))


async def fill(log: EventLog, stream: str, appends: int) -> None:
    version = 0
    for number in range(appends):
        for fact in await log.append(append(stream, version, *[named()] * (1 + number % 3))):
            version = fact.version
            print(fact.stream, fact.version, fact.position, flush=True)


if __name__ == "__main__":
    _, url, name, streams, appends = sys.argv
    asyncio.run(main(url, name, int(streams), int(appends)))
