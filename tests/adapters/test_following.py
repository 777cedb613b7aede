"""Following a log: soon, patient, and to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from signal import SIGQUIT

import pytest

from adapters.bell import Bell, Bells
from adapters.database import Database
from adapters.following import follow
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.masking import Masks
from domain.identifiers import LogId
from tests.adapters.nats.servers import eventually
from tests.adapters.postgres import server

pytestmark = pytest.mark.anyio

LOG = LogId("deployment-1")
NO_MASKS = Masks()


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[LineStore]:
    async with Database.open(database_url) as database:
        yield LineStore(database)


async def still_open() -> int | None:
    return None


async def closed_at_two() -> int | None:
    return 2


async def test_a_line_reaches_its_follower_with_the_ring(store: LineStore) -> None:
    bells = Bells()
    async with LineWriters.start(store, bells.ring) as writers, writers.open(LOG, NO_MASKS) as writer:
        with bells.listening(LOG) as bell:
            async with aclosing(follow(store, LOG, bell, still_open)) as batches:
                await writer.write(b"one\n")
                first = await anext(batches)
                await writer.write(b"two\nthree\n")
                second = await anext(batches)

    assert [line.text for line in first] == ["one"]
    assert [line.text for line in second] == ["two", "three"]


async def test_a_follower_of_a_closed_log_gets_what_remains_and_ends(store: LineStore) -> None:
    async with LineWriters.start(store, lambda _: None) as writers, writers.open(LOG, NO_MASKS) as writer:
        await writer.write(b"one\ntwo\n")
        await writer.finish()

    for after, remaining in ((0, ["one", "two"]), (1, ["two"]), (2, []), (3, [])):
        batches = follow(store, LOG, Bell(), closed_at_two, after=after)
        assert [line.text async for batch in batches for line in batch] == remaining


async def test_a_follower_that_leaves_frees_its_bell(store: LineStore) -> None:
    bells = Bells()

    async def read() -> None:
        with bells.listening(LOG) as bell:
            async for _ in follow(store, LOG, bell, still_open):
                pass

    task = asyncio.create_task(read())
    await eventually(lambda: asyncio.sleep(0, len(bells._bells) == 1))
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert not bells._bells


async def test_a_follower_waits_while_the_database_is_away(tmp_path: Path) -> None:
    with server(tmp_path) as postgres:
        async with Database.open(postgres.url) as database:
            store, bells = LineStore(database), Bells()
            async with LineWriters.start(store, bells.ring) as writers, writers.open(LOG, NO_MASKS) as writer:
                with bells.listening(LOG) as bell:
                    async with aclosing(follow(store, LOG, bell, still_open)) as batches:
                        await writer.write(b"one\n")
                        assert [line.text for line in await anext(batches)] == ["one"]
                        await asyncio.to_thread(postgres.stop, SIGQUIT)
                        waiting = asyncio.ensure_future(anext(batches))
                        await writer.write(b"two\n")
                        done, _ = await asyncio.wait([waiting], timeout=1.5)
                        assert not done
                        await asyncio.to_thread(postgres.start)
                        assert [line.text for line in await asyncio.wait_for(waiting, 20)] == ["two"]
