"""Run as a script: a relay in a process of its own, which with ``--die-at N`` is killed before its Nth checkpoint."""

import asyncio
import os
import signal
import sys
from argparse import ArgumentParser

import structlog
from psycopg import AsyncConnection

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.nats.connecting import Connection
from adapters.nats.publishing import FactPublisher
from adapters.nats.work import WorkQueue
from services import relay, tailing


def die_at(count: int) -> None:
    """Between a page's publication and its checkpoint, the ``count``-th time."""
    move = tailing._move_checkpoint
    left = count

    async def deadly(connection: AsyncConnection, office: str, position: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        await move(connection, office, position)

    tailing._move_checkpoint = deadly


async def main(database_url: str, nats_url: str) -> None:
    async with (
        Database.open(database_url) as database,
        EventLog.open(database) as log,
        Connection(lambda: nats_url, name="relay") as connection,
    ):
        await relay.Relay(database, log, FactPublisher(connection), WorkQueue(connection)).run()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    parser = ArgumentParser()
    parser.add_argument("database_url")
    parser.add_argument("nats_url")
    parser.add_argument("--die-at", type=int, default=0)
    options = parser.parse_args()
    if options.die_at:
        die_at(options.die_at)
    asyncio.run(main(options.database_url, options.nats_url))
