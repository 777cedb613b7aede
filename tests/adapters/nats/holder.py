"""Run as a script: takes one job, says so on standard output, and holds it until it is killed."""

import asyncio
import sys

import structlog

from adapters.nats.connecting import Connection
from adapters.nats.work import WorkQueue


async def main(url: str) -> None:
    async with Connection(lambda: url, name="holder") as connection:
        async for job in WorkQueue(connection).take("build", limit=1):
            async with job.alive():
                print("holding", flush=True)
                await asyncio.Event().wait()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(sys.argv[1]))
