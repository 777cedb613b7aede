"""A build that prints faster than its lines can be stored is slowed down, and loses none of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGQUIT

import psycopg
import pytest

from adapters.database import Database
from adapters.linestore import LineStore
from adapters.linewriting import UNFLUSHED_BYTES, LineWriter, LineWriters
from adapters.masking import Masks
from adapters.runtime.limits import Limits
from adapters.runtime.running import CHUNK, Finished, Reason, run
from adapters.runtime.sandbox import Capabilities, Sandbox, capabilities
from domain.identifiers import LogId
from tests.adapters.nats.servers import eventually
from tests.adapters.postgres import server

pytestmark = pytest.mark.anyio

LOG = LogId("deployment-1")
ENDLESS = ["/bin/sh", "-c", "exec seq -f 'line %.0f of a build that never ends' 100000000"]
A_WHILE = 0.5


@pytest.fixture
def able() -> Capabilities:
    return capabilities()


class Build:
    """A command whose output goes to a log, as a deployment's does."""

    def __init__(self, writer: LineWriter, task: "asyncio.Task[Finished]", cancelled: asyncio.Event) -> None:
        self.writer = writer
        self.task = task
        self._cancelled = cancelled

    async def prints(self, lines: int) -> None:
        """So many lines more are taken."""
        wanted = self.writer.last_seq + lines
        await eventually(lambda: asyncio.sleep(0, self.writer.last_seq >= wanted))

    async def stands(self) -> int:
        """The seq at which nothing is taken any more."""
        seq = -1
        while seq < self.writer.last_seq:
            seq = self.writer.last_seq
            done, _ = await asyncio.wait([self.task], timeout=A_WHILE)
            assert not done
        return seq

    async def end(self) -> tuple[int, str]:
        """Cancel it; where its log ends, and the digest."""
        self._cancelled.set()
        assert (await self.task).reason is Reason.CANCELLED
        return await self.writer.finish()


@asynccontextmanager
async def building(store: LineStore, box: Sandbox, able: Capabilities) -> AsyncIterator[Build]:
    limits, cancelled = Limits(output_bytes=None), asyncio.Event()
    async with LineWriters.start(store, lambda _: None) as writers, writers.open(LOG, Masks()) as writer:
        task = asyncio.create_task(run(ENDLESS, box, limits, writer.write, cancelled=cancelled, able=able))
        try:
            yield Build(writer, task, cancelled)
        finally:
            task.cancel()
            await asyncio.wait([task])


async def is_whole(store: LineStore, last_seq: int, digest: str) -> None:
    """Every line of the build is in the log, in order; the end cut off the last one."""
    found: list[str] = []
    while lines := await store.read(LOG, len(found)):
        assert lines[0].seq == len(found) + 1
        found += [line.text for line in lines]
    wanted = [f"line {number} of a build that never ends" for number in range(1, last_seq + 1)]
    assert found[:-1] == wanted[:-1]
    assert wanted[-1].startswith(found[-1])
    assert await store.digest(LOG) == digest


async def test_while_the_database_is_away_a_build_stands_and_then_goes_on_without_a_gap(
    tmp_path: Path, box: Sandbox, able: Capabilities
) -> None:
    with server(tmp_path) as postgres:
        async with Database.open(postgres.url) as database:
            store = LineStore(database)
            async with building(store, box, able) as build:
                await build.prints(50_000)
                await asyncio.to_thread(postgres.stop, SIGQUIT)
                stood = await build.stands()
                await asyncio.to_thread(postgres.start)
                await build.prints(50_000)
                last_seq, digest = await build.end()

            assert last_seq > stood
            await is_whole(store, last_seq, digest)


async def test_what_a_build_prints_too_fast_waits_in_its_pipe_and_not_in_memory(
    database_url: str, box: Sandbox, able: Capabilities
) -> None:
    async with Database.open(database_url) as database:
        store = LineStore(database)
        async with building(store, box, able) as build:
            for _ in range(3):
                await build.prints(50_000)
                with psycopg.connect(database_url) as slow:
                    slow.execute("LOCK TABLE lines.chunks")
                    waiting = await build.stands() - (await store.cursor(LOG)).last_seq
                assert waiting * len("line 1 of a build that never ends") <= UNFLUSHED_BYTES + CHUNK
            last_seq, digest = await build.end()

        await is_whole(store, last_seq, digest)
