"""A follower cut anywhere misses nothing and repeats nothing, whatever the writers of the log go through."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.bell import Bell, Bells
from adapters.database import Database
from adapters.linestore import LineStore, StaleWriter
from adapters.linewriting import LineWriter, LineWriters
from adapters.masking import Masks
from domain.identifiers import LogId, uuid7

pytestmark = pytest.mark.anyio


class NoBell(Bell):
    """A bell that nobody rings: every ring was lost. It is looked at soon all the same."""

    async def wait(self, timeout: float) -> bool:
        return await super().wait(min(timeout, 0.01))


@dataclass
class Closing:
    """Whether the log has closed, as ``LogClosed`` would say it."""

    last_seq: int | None = None


@dataclass
class Reader:
    """Follows a log in pieces: each time it is cut after some lines it goes on behind the last one it had."""

    store: LineStore
    log_id: LogId
    closing: Closing
    cuts: Sequence[int]
    had: list[tuple[int, str]] = field(default_factory=list)

    async def read(self, bell: Bell) -> list[tuple[int, str]]:
        for cut in [*self.cuts, 1 << 30]:
            if await self._until_cut(cut, bell):
                break
        return self.had

    async def _until_cut(self, lines: int, bell: Bell) -> bool:
        while lines > 0:
            bell.clear()
            after = self.had[-1][0] if self.had else 0
            if batch := await self.store.read(self.log_id, after):
                self.had += [(line.seq, line.text) for line in batch[:lines]]
                lines -= len(batch)
            elif self.closing.last_seq is not None and after >= self.closing.last_seq:
                return True
            else:
                await bell.wait(1)
        return False


WRITING = st.lists(
    st.tuples(st.sampled_from(["write", "write", "write", "flush", "reopen", "pause"]), st.integers(1, 30)),
    min_size=1,
    max_size=12,
)
CUTS = st.lists(st.integers(1, 20), max_size=6)


def test_a_follower_cut_anywhere_misses_nothing_and_repeats_nothing(database_url: str) -> None:
    with asyncio.Runner() as runner:
        opened = _plane(database_url)
        plane = runner.run(opened.__aenter__())

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(writing=WRITING, cuts=st.lists(CUTS, min_size=1, max_size=3), rung=st.booleans())
        def followed(writing: list[tuple[str, int]], cuts: list[list[int]], rung: bool) -> None:
            runner.run(plane.follow(writing, cuts, rung=rung))

        try:
            followed()
        finally:
            runner.run(opened.__aexit__(None, None, None))


@dataclass
class Plane:
    store: LineStore
    writers: LineWriters
    bells: Bells

    async def follow(self, writing: list[tuple[str, int]], cuts: list[list[int]], *, rung: bool) -> None:
        log_id = LogId(f"deployment-{uuid7()}")
        closing = Closing()
        readers = [Reader(self.store, log_id, closing, places) for places in cuts]
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            following = [group.create_task(self._read(reader, rung=rung)) for reader in readers]
            written, (last_seq, sha256) = await self._write(log_id, writing)
            closing.last_seq = last_seq
            self.bells.ring(log_id)

        assert last_seq == len(written)
        assert sha256 == hashlib.sha256("".join(f"{line}\n" for line in written).encode()).hexdigest()
        for task in following:
            assert task.result() == list(enumerate(written, 1))

    async def _read(self, reader: Reader, *, rung: bool) -> list[tuple[int, str]]:
        if not rung:
            return await reader.read(NoBell())
        with self.bells.listening(reader.log_id) as bell:
            return await reader.read(bell)

    async def _write(self, log_id: LogId, writing: list[tuple[str, int]]) -> tuple[list[str], tuple[int, str]]:
        """Lines by one writer after another; each new one has waited for what the one before it stored."""
        written: list[str] = []
        steps = iter(writing)
        while True:
            async with self.writers.open(log_id, Masks()) as writer:
                reopen = await _go_on(writer, steps, written)
                await writer.flush()
                if not reopen:
                    return written, await writer.finish()


async def _go_on(writer: LineWriter, steps: Iterator[tuple[str, int]], written: list[str]) -> bool:
    """Whether another writer is to go on."""
    for what, count in steps:
        match what:
            case "write":
                lines = [f"line {len(written) + number}" for number in range(count)]
                written += lines
                await writer.write("".join(f"{line}\n" for line in lines).encode())
            case "flush":
                await writer.flush()
            case "pause":
                await asyncio.sleep(count / 10_000)
            case _:
                return True
    return False


@asynccontextmanager
async def _plane(database_url: str) -> AsyncIterator[Plane]:
    bells = Bells()
    async with Database.open(database_url) as database:
        store = LineStore(database)
        async with LineWriters.start(store, bells.ring) as writers:
            yield Plane(store, writers, bells)


async def test_of_writers_that_fight_for_a_log_each_line_that_one_was_told_is_stored_is_there_once(
    database_url: str,
) -> None:
    log_id = LogId("deployment-1")
    told: list[str] = []

    async def write(name: int) -> None:
        """Opens the log again whenever somebody else has."""
        mine = 0
        async with _plane(database_url) as plane:
            while mine < 40:
                async with plane.writers.open(log_id, Masks()) as writer:
                    while mine < 40:
                        line = f"{name}: {mine}"
                        try:
                            await writer.write(f"{line}\n".encode())
                            await writer.flush()
                        except StaleWriter:
                            mine += 1  # it may not be there
                            break
                        told.append(line)
                        mine += 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(write(name) for name in range(4)))

    async with _plane(database_url) as plane:
        lines = await plane.store.read(log_id)
    texts = [line.text for line in lines]
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    assert len(texts) == len(set(texts))
    assert set(told) <= set(texts)
