"""Lines: numbered once by one writer, gap-free, equal on every reading, kept until retention says otherwise."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from signal import SIGQUIT

import psycopg
import pytest

from adapters.database import Database, Unavailable, ensure_schema
from adapters.linestore import CHUNK_BYTES, Chunk, Line, LineStore, PastRetention, Run, StaleWriter
from adapters.linewriting import FLUSH_BYTES, UNFLUSHED_BYTES, LineWriters
from adapters.masking import Masks
from commands.ports import SecretValue
from domain.identifiers import LogId
from tests.adapters.nats.servers import eventually
from tests.adapters.postgres import PostgresServer, server

pytestmark = pytest.mark.anyio

LOG = LogId("deployment-1")
NO_MASKS = Masks()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
def store(database: Database) -> LineStore:
    return LineStore(database)


@pytest.fixture
async def writers(store: LineStore) -> AsyncIterator[LineWriters]:
    async with LineWriters.start(store, lambda _: None) as writers:
        yield writers


async def texts(store: LineStore, log_id: LogId = LOG, after: int = 0) -> list[str]:
    """All lines, page by page; their numbers have no gap."""
    found: list[str] = []
    while lines := await store.read(log_id, after + len(found), limit_bytes=1000):
        assert [line.seq for line in lines] == list(range(after + len(found) + 1, lines[-1].seq + 1))
        found += [line.text for line in lines]
    return found


def digest(*lines: str) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def chunk(writer: int, first_seq: int, *lines: str, log_id: LogId = LOG) -> Chunk:
    text = "".join(f"{line}\n" for line in lines).encode()
    return Chunk(
        log_id, writer, first_seq, first_seq + len(lines) - 1, [Run(0, "stdout", None, None, len(lines), text)]
    )


async def test_lines_come_back_with_their_numbers_streams_and_steps(store: LineStore, writers: LineWriters) -> None:
    started = datetime.now(UTC)
    async with writers.open(LOG, NO_MASKS) as writer:
        await writer.say("Building 0123abc.", step="build")
        await writer.write(b"one\ntw", step="build", source="a")
        await writer.write(b"warning\n", stream="stderr", step="build", source="a")
        await writer.write(b"o\nthree", step="build", source="a")
        assert await writer.finish() == (5, digest("Building 0123abc.", "one", "warning", "two", "three"))

    lines = await store.read(LOG)
    assert [(line.seq, line.stream, line.step, line.source, line.text) for line in lines] == [
        (1, "system", "build", None, "Building 0123abc."),
        (2, "stdout", "build", "a", "one"),
        (3, "stderr", "build", "a", "warning"),
        (4, "stdout", "build", "a", "two"),
        (5, "stdout", "build", "a", "three"),
    ]
    assert all(timedelta() <= line.at - started.replace(microsecond=0) < timedelta(minutes=1) for line in lines)


async def test_another_step_ends_the_line_that_the_one_before_left_unfinished(
    store: LineStore, writers: LineWriters
) -> None:
    async with writers.open(LOG, NO_MASKS) as writer:
        await writer.write(b"no line feed", step="install")
        await writer.write(b"next\n", step="build")
        await writer.finish()

    assert [(line.step, line.text) for line in await store.read(LOG)] == [
        ("install", "no line feed"),
        ("build", "next"),
    ]


async def test_a_page_begins_anywhere_and_has_its_limits(store: LineStore, writers: LineWriters) -> None:
    async with writers.open(LOG, NO_MASKS) as writer:
        for number in range(1, 101):
            await writer.write(f"{number}\n".encode())
            if number % 10 == 0:
                await writer.flush()  # a chunk

        assert [line.seq for line in await store.read(LOG, 37, limit_lines=5)] == [38, 39, 40, 41, 42]
        assert [line.seq for line in await store.read(LOG, 37, limit_bytes=1)] == [38, 39, 40]
        assert await store.read(LOG, 100) == []
        assert await texts(store, after=95) == ["96", "97", "98", "99", "100"]


async def test_a_log_that_nobody_wrote_to_is_empty(store: LineStore) -> None:
    assert await store.read(LOG) == []
    assert (await store.cursor(LOG)).last_seq == 0


async def test_a_secret_is_masked_before_anything_is_stored(
    database_url: str, store: LineStore, writers: LineWriters
) -> None:
    async with writers.open(LOG, Masks([SecretValue("hunter2-hunter2")])) as writer:
        await writer.write(b"password=hunter2-")
        await writer.write(b"hunter2 ok\n")
        last_seq, sha256 = await writer.finish()

    assert await texts(store) == ["password=*** ok"]
    assert (last_seq, sha256) == (1, digest("password=*** ok"))


async def test_lines_can_be_read_soon_after_they_were_written(store: LineStore) -> None:
    rung: asyncio.Queue[LogId] = asyncio.Queue()
    async with LineWriters.start(store, rung.put_nowait) as writers, writers.open(LOG, NO_MASKS) as writer:
        await writer.write(b"line\n")

        assert await asyncio.wait_for(rung.get(), 5) == LOG
        assert await texts(store) == ["line"]


async def test_many_logs_go_to_the_store_side_by_side(store: LineStore, writers: LineWriters) -> None:
    async def build(number: int) -> None:
        async with writers.open(LogId(f"deployment-{number}"), NO_MASKS) as writer:
            for line in range(200):
                await writer.write(f"{number}:{line}\n".encode())
            await writer.finish()

    await asyncio.gather(*(build(number) for number in range(20)))

    for number in range(20):
        expected = [f"{number}:{line}" for line in range(200)]
        assert await texts(store, LogId(f"deployment-{number}")) == expected


async def test_no_busy_log_keeps_the_others_waiting(store: LineStore, writers: LineWriters) -> None:
    async def flood(number: int) -> None:
        async with writers.open(LogId(f"flood-{number}"), NO_MASKS) as writer:
            while True:
                await writer.write(b"x" * 99 + b"\n" * (FLUSH_BYTES // 100))

    floods = [asyncio.create_task(flood(number)) for number in range(8)]
    async with writers.open(LOG, NO_MASKS) as writer:
        for number in range(20):
            await writer.write(f"{number}\n".encode())
            await asyncio.wait_for(writer.flush(), 10)
    for task in floods:
        task.cancel()
    await asyncio.wait(floods)


async def test_a_stale_writer_is_refused_and_its_lines_are_not_stored(store: LineStore, writers: LineWriters) -> None:
    async with writers.open(LOG, NO_MASKS) as stale:
        await stale.write(b"one\n")
        await stale.flush()
        async with writers.open(LOG, NO_MASKS) as writer:
            assert writer.last_seq == 1

            await stale.write(b"too late\n")
            with pytest.raises(StaleWriter):
                await stale.flush()
            with pytest.raises(StaleWriter):
                await stale.write(b"too late\n")
            with pytest.raises(StaleWriter):
                await stale.finish()
            await writer.write(b"two\n")

            assert await writer.finish() == (2, digest("one", "two"))


async def test_a_chunk_that_leaves_a_gap_repeats_lines_or_comes_from_an_earlier_writer_is_refused(
    store: LineStore,
) -> None:
    earlier, latest = (await store.open(LOG)).writer, (await store.open(LOG)).writer
    assert await store.append([chunk(latest, 1, "one", "two")]) == set()

    for refused in (chunk(latest, 4, "gap"), chunk(latest, 2, "again"), chunk(earlier, 3, "three")):
        other = LogId(f"other-{refused.first_seq}")
        number = (await store.open(other)).writer
        assert await store.append([refused, chunk(number, 1, "fine", log_id=other)]) == {LOG}
        assert await texts(store, other) == ["fine"]

    assert await texts(store) == ["one", "two"]


async def test_a_chunk_whose_storing_was_not_heard_of_may_be_sent_again(store: LineStore) -> None:
    writer = (await store.open(LOG)).writer
    await store.append([chunk(writer, 1, "one", "two")])

    assert await store.append([chunk(writer, 1, "one", "two")]) == set()

    assert await texts(store) == ["one", "two"]


def large(writer: int, first_seq: int) -> Chunk:
    """A flood of one step, in runs of a thousand lines each; the lines are as long as their number, or empty."""
    texts = [
        b"".join(b"%d" % seq * (seq % 9 * 2) + b"\n" for seq in range(at, at + 1000)) for at in range(0, 20_000, 1000)
    ]
    runs = [Run(0, "stdout", "build", None, 1000, text) for text in texts]
    return Chunk(LOG, writer, first_seq, first_seq + 19_999, runs)


async def test_who_goes_on_within_a_flood_reads_little_of_it(database_url: str, store: LineStore) -> None:
    flood = large((await store.open(LOG)).writer, 1)
    await store.append([flood])
    lines = b"".join(run.text for run in flood.runs).decode().split("\n")[:-1]

    with psycopg.connect(database_url) as connection:
        stored = connection.execute("SELECT first_seq, last_seq, size FROM lines.chunks ORDER BY first_seq").fetchall()
    assert sum(size for *_, size in stored) == flood.size > 4 * CHUNK_BYTES
    assert all(size < CHUNK_BYTES + max(len(run.text) for run in flood.runs) for *_, size in stored)
    for first_seq, last_seq, _ in stored:
        for after in (first_seq - 1, first_seq, (first_seq + last_seq) // 2, last_seq - 1):
            page = await store.read(LOG, after, limit_bytes=1)
            assert [(line.seq, line.text) for line in page] == list(enumerate(lines[after:last_seq], after + 1))
    assert await store.digest(LOG) == digest(*lines)


async def test_a_flood_may_be_sent_again_and_is_stored_whole_or_not_at_all(store: LineStore) -> None:
    earlier, latest = (await store.open(LOG)).writer, (await store.open(LOG)).writer
    assert await store.append([large(earlier, 1)]) == {LOG}
    assert await store.read(LOG) == []
    assert await store.append([large(latest, 1)]) == set()

    assert await store.append([large(latest, 1)]) == set()
    assert await store.append([large(latest, 2)]) == {LOG}

    assert (await store.cursor(LOG)).last_seq == 20_000
    assert len(await texts(store)) == 20_000


async def test_whoever_goes_on_with_a_spool_loses_and_doubles_nothing(store: LineStore, tmp_path: Path) -> None:
    lines = [f"line {number} " + "x" * (number % 97) for number in range(2000)]
    spool = "".join(f"{line}\n" for line in lines).encode()
    chances = 0
    while True:
        chances += 1
        async with LineWriters.start(store, lambda _: None) as writers, writers.open(LOG, NO_MASKS) as writer:
            at = writer.offset(source="instance-1")
            if at == len(spool):
                break
            for end in range(at + 777, min(at + 20_000, len(spool)) + 777, 777):
                await writer.write(spool[end - 777 : end], source="instance-1", offset=min(end, len(spool)))
            await writer.say(f"The {chances}. reader died.")  # most often within a line

    assert chances > 5
    kept = [line.text for line in await _all(store) if line.stream == "stdout"]
    assert kept == lines


async def _all(store: LineStore) -> list[Line]:
    found: list[Line] = []
    while lines := await store.read(LOG, len(found)):
        found += lines
    return found


async def test_the_digest_of_a_resumed_log_is_that_of_all_its_lines(store: LineStore, writers: LineWriters) -> None:
    async with writers.open(LOG, NO_MASKS) as writer:
        await writer.write(b"one\n")
        await writer.flush()

    async with writers.open(LOG, NO_MASKS) as writer:
        await writer.write("zwölf\n".encode())
        assert await writer.finish() == (2, digest("one", "zwölf"))


async def test_the_writer_of_too_much_waits(database_url: str, store: LineStore, writers: LineWriters) -> None:
    async with writers.open(LOG, NO_MASKS) as writer:
        with psycopg.connect(database_url) as other:
            other.execute("LOCK TABLE lines.chunks")
            block = b"x" * 1023 + b"\n"
            building = asyncio.gather(*(writer.write(block) for _ in range(UNFLUSHED_BYTES // len(block))))
            done, _ = await asyncio.wait([building], timeout=0.5)
            assert not done
        await asyncio.wait_for(building, 10)
        assert writer.last_seq == UNFLUSHED_BYTES // len(block)

        assert (await writer.finish())[0] == UNFLUSHED_BYTES // len(block)


async def test_reading_past_retention_says_from_where_on_lines_are_kept(
    database_url: str, store: LineStore, writers: LineWriters
) -> None:
    async with writers.open(LOG, NO_MASKS) as writer:
        await writer.write(b"one\ntwo\n")
        await writer.flush()
        day = _a_day_passes(database_url)
        await writer.write(b"three\n")
        await writer.flush()
        assert await texts(store) == ["one", "two", "three"]

        assert list(await store.drop_before(day + timedelta(days=1))) == [day]
        assert list(await store.drop_before(day + timedelta(days=1))) == []
        assert await writer.finish() == (3, digest("one", "two", "three"))
    for after in (0, 1):
        with pytest.raises(PastRetention) as gone:
            await store.read(LOG, after)
        assert gone.value.oldest_seq == 3
    assert [line.text for line in await store.read(LOG, 2)] == ["three"]
    assert (await store.cursor(LOG)).oldest_seq == 3
    async with writers.open(LOG, NO_MASKS) as writer:
        assert await writer.finish() == (3, digest("three"))


def _a_day_passes(database_url: str) -> date:
    """What was stored so far was stored on the day that is returned."""
    with psycopg.connect(ensure_schema(database_url)) as connection:
        ((today,),) = connection.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        day: date = today - timedelta(days=1)
        connection.execute(
            f"CREATE TABLE lines.chunks_{day:%Y%m%d} PARTITION OF lines.chunks FOR VALUES FROM ('{day}') TO ('{today}')"
        )
        connection.execute("UPDATE lines.chunks SET day = %s", [day])
        connection.execute("UPDATE lines.logs SET first_day = %s", [day])
    return day


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    with server(tmp_path) as postgres:
        yield postgres


async def test_while_the_database_is_away_the_writer_waits_and_no_line_is_lost(postgres: PostgresServer) -> None:
    expected = [f"line {number} {'x' * 1000}" for number in range(4000)]
    async with Database.open(postgres.url) as database:
        store = LineStore(database)
        async with LineWriters.start(store, lambda _: None) as writers, writers.open(LOG, NO_MASKS) as writer:

            async def build() -> None:
                for line in expected:
                    await writer.write(f"{line}\n".encode())

            building = asyncio.create_task(build())
            await eventually(lambda: asyncio.sleep(0, writer.last_seq > 200))
            await asyncio.to_thread(postgres.stop, SIGQUIT)
            done, _ = await asyncio.wait([building], timeout=1)
            assert not done  # it waits: the lines that are not stored are more than may wait
            with pytest.raises(Unavailable):
                await store.read(LOG)
            await asyncio.to_thread(postgres.start)
            await asyncio.wait_for(building, 30)

            assert await writer.finish() == (4000, digest(*expected))
        assert await texts(store) == expected


async def test_killing_the_connections_at_any_time_loses_and_doubles_nothing(
    database_url: str, store: LineStore, writers: LineWriters
) -> None:
    expected = [f"line {number}" for number in range(3000)]
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname = %s"

    async with writers.open(LOG, NO_MASKS) as writer:
        for number, line in enumerate(expected):
            await writer.write(f"{line}\n".encode())
            if number % 300 == 0:
                with psycopg.connect(database_url, autocommit=True) as other:
                    other.execute(kill, [other.info.dbname])
            if number % 30 == 0:
                await asyncio.sleep(0.005)  # so that the flusher is somewhere in its work
        assert await writer.finish() == (3000, digest(*expected))
    assert await texts(store) == expected
