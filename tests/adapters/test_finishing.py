"""A log is closed as soon as its lines are stored: whoever follows a deployment waits for nothing else."""

import asyncio

import pytest

from adapters import linewriting
from adapters.database import Database
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.masking import Masks
from domain.identifiers import LogId

pytestmark = pytest.mark.anyio


async def test_the_end_of_a_log_does_not_wait_for_lines_to_be_flushed_with(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linewriting, "FLUSH_SECONDS", 3600)
    async with Database.open(database_url) as database:
        store = LineStore(database)
        async with (
            LineWriters.start(store, lambda _: None) as writers,
            writers.open(LogId("deployment-1"), Masks()) as log,
        ):
            await log.write(b"one\ntwo")
            async with asyncio.timeout(20):
                last_seq, _ = await log.finish()
        lines = await store.read(LogId("deployment-1"))
    assert last_seq == 2
    assert [line.text for line in lines] == ["one", "two"]
