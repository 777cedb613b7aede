"""Whoever dies: what was acknowledged is there, once, and no position is left out."""

import asyncio
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from signal import SIGINT, SIGQUIT, Signals

import psycopg
import pytest

from adapters.database import Database, Unavailable, ensure_schema
from adapters.eventlog import EventLog
from commands.ports import VersionConflict
from domain.identifiers import StreamName
from tests.adapters.appends import append
from tests.adapters.nats.servers import eventually
from tests.adapters.postgres import PostgresServer, server
from tests.machines import appender

pytestmark = pytest.mark.anyio

Place = tuple[str, int, int]
"""Stream, version and position."""


def appending(url: str, name: str, streams: int, appends: int) -> "subprocess.Popen[str]":
    argv = [sys.executable, appender.__file__, url, name, str(streams), str(appends)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment)


def acknowledged(output: str) -> list[Place]:
    """Whole lines only: the last one may be cut off."""
    lines = (line.split() for line in output.split("\n")[:-1])
    return [(stream, int(version), int(position)) for stream, version, position in lines]


def recorded(url: str) -> list[Place]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT stream, version, position FROM log.events ORDER BY position").fetchall()


def assert_gap_free(places: Sequence[Place]) -> None:
    assert [position for _, _, position in places] == list(range(1, len(places) + 1))
    streams = defaultdict(list)
    for stream, version, _ in places:
        streams[stream].append(version)
    assert all(versions == list(range(1, len(versions) + 1)) for versions in streams.values())


async def tail(log: EventLog, database: Database, until: int) -> list[int]:
    """The positions that a reader sees that is woken by the bell."""
    seen: list[int] = []
    with database.bell() as bell:
        while len(seen) < until:
            bell.clear()
            facts = await log.notifications(after=seen[-1] if seen else 0, limit=100)
            seen += [fact.position for fact in facts]
            if not facts:
                await bell.wait(1)
    return seen


async def test_readers_see_every_position_once_in_order_while_many_threads_and_processes_append(
    database_url: str,
) -> None:
    ensure_schema(database_url)
    processes = [appending(database_url, f"process{number}", streams=4, appends=50) for number in range(4)]
    total = 4 * 4 * 50 * 2 - 4 * 4 + 16 * 60  # of fifty appends, 17 have one fact, 17 two and 16 three

    async with Database.open(database_url) as database, EventLog.open(database) as log:
        loop = asyncio.get_running_loop()

        def thread(number: int) -> None:
            for version in range(60):
                work = log.append(append(f"thread{number}-1", version))
                asyncio.run_coroutine_threadsafe(work, loop).result(60)

        readers = [asyncio.create_task(tail(log, database, total)) for _ in range(4)]
        await asyncio.gather(*(asyncio.to_thread(thread, number) for number in range(16)))
        answers = [await asyncio.to_thread(process.communicate, timeout=60) for process in processes]
        async with asyncio.timeout(30):
            seen = await asyncio.gather(*readers)

    places = recorded(database_url)
    assert_gap_free(places)
    assert all(positions == list(range(1, total + 1)) for positions in seen)
    assert {place for output, _ in answers for place in acknowledged(output)} <= set(places)


@pytest.mark.parametrize("after", [1, 40, 200])
def test_a_writer_killed_in_the_midst_of_a_batch_leaves_no_gap(database_url: str, after: int) -> None:
    ensure_schema(database_url)
    process = appending(database_url, "victim", streams=32, appends=100_000)
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(after)]

    process.kill()
    output = "".join(lines) + process.communicate(timeout=10)[0]

    survivor = appending(database_url, "survivor", streams=1, appends=2)
    survivor_output, _ = survivor.communicate(timeout=30)
    places = recorded(database_url)
    assert_gap_free(places)
    assert len(acknowledged(survivor_output)) == 3
    assert set(acknowledged(output) + acknowledged(survivor_output)) <= set(places)


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    with server(tmp_path) as postgres:
        yield postgres


@pytest.mark.parametrize("how", [SIGQUIT, SIGINT])
async def test_what_was_acknowledged_outlives_restarts_of_the_database_once(
    postgres: PostgresServer, how: Signals
) -> None:
    acknowledgements: list[Place] = []
    stop = asyncio.Event()

    async def client(log: EventLog, number: int) -> None:
        """A client repeats what was unavailable, as a handler would: it looks whether it was recorded after all."""
        stream, version = f"client-{number}", 0
        while not stop.is_set():
            intended = append(stream, version)
            while True:
                try:
                    history = await log.read(StreamName(stream))
                    mine = [fact for fact in history if fact.context.causation_id == intended.context.causation_id]
                    facts = mine or await log.append(intended)
                    break
                except (Unavailable, VersionConflict):
                    await asyncio.sleep(0.05)
            version = facts[-1].version
            acknowledgements.extend((fact.stream, fact.version, fact.position) for fact in facts)

    async def restart() -> None:
        seen = len(acknowledgements)
        await eventually(lambda: asyncio.sleep(0, len(acknowledgements) > seen + 200), within=30)
        await asyncio.to_thread(postgres.stop, how)
        await asyncio.to_thread(postgres.start)

    async with Database.open(postgres.url) as database, EventLog.open(database, patience=1) as log:
        clients = [asyncio.create_task(client(log, number)) for number in range(16)]
        for _ in range(3):
            await restart()
        seen = len(acknowledgements)
        await eventually(lambda: asyncio.sleep(0, len(acknowledgements) > seen + 200), within=30)
        stop.set()
        await asyncio.gather(*clients)

    places = recorded(postgres.url)
    assert_gap_free(places)
    assert len(acknowledgements) == len(set(acknowledgements))
    assert set(acknowledgements) == set(places)


async def test_while_the_database_is_away_callers_hear_so_within_a_bound(postgres: PostgresServer) -> None:
    async with Database.open(postgres.url) as database, EventLog.open(database, patience=0.5) as log:
        await log.append(append("workspace-1", 0))
        await asyncio.to_thread(postgres.stop, SIGQUIT)

        started = time.monotonic()
        appends = [log.append(append(f"workspace-{number}", 0)) for number in range(2, 40)]
        answers = await asyncio.gather(*appends, return_exceptions=True)
        with pytest.raises(Unavailable):
            await log.head()

        assert {type(answer) for answer in answers} == {Unavailable}
        assert time.monotonic() - started < 15
        await asyncio.to_thread(postgres.start)
        await log.append(append("workspace-1", 1))
        assert await log.head() == 2  # nobody was told "unavailable" and recorded all the same
