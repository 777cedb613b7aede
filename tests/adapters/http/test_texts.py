"""A log that is downloaded is whole, whatever happens to the database meanwhile."""

import asyncio
from pathlib import Path
from signal import SIGQUIT

import pytest

from adapters.database import Database
from adapters.http.native.reading import texts
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.masking import Masks
from domain.identifiers import LogId
from tests.adapters.postgres import server

pytestmark = pytest.mark.anyio

LOG = LogId("deployment-1")


async def test_who_downloads_a_log_waits_while_the_database_is_away(tmp_path: Path) -> None:
    printed = "".join(f"line {number} {'x' * 1000}\n" for number in range(5_000))
    with server(tmp_path) as postgres:
        async with Database.open(postgres.url) as database:
            store = LineStore(database)
            async with LineWriters.start(store, lambda _: None) as writers, writers.open(LOG, Masks()) as writer:
                for place in range(0, len(printed), 1 << 16):
                    await writer.write(printed[place : place + (1 << 16)].encode())
                await writer.finish()

            pieces = texts(store, LOG, await store.runs(LOG, limit_bytes=1))
            downloaded = await anext(pieces)
            await asyncio.to_thread(postgres.stop, SIGQUIT)
            waiting = asyncio.ensure_future(anext(pieces))
            done, _ = await asyncio.wait([waiting], timeout=0.5)
            assert not done
            await asyncio.to_thread(postgres.start)
            downloaded += await asyncio.wait_for(waiting, 20)
            async for piece in pieces:
                downloaded += piece

    assert downloaded.decode() == printed
