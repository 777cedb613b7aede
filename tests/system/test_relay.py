"""Every fact of the log reaches NATS, and what waits for an executor is queued, whoever dies or is wiped."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from nats.errors import Error as NatsError

from adapters.bell import Bell
from adapters.database import Database
from adapters.database import Unavailable as DatabaseAway
from adapters.eventlog import EventLog
from adapters.nats.connecting import Connection, Unavailable
from adapters.nats.publishing import FactPublisher
from adapters.nats.work import WorkQueue
from commands.policies import BuildWork, WorkItem, work
from commands.ports import Append
from domain.history import Recorded
from domain.identifiers import uuid7
from services.relay import Relay
from services.sweeping import Sweeper
from services.tailing import PAGE
from tests.adapters.nats.facts import cancelled, queued, rolled_back
from tests.adapters.nats.servers import NatsServer, eventually
from tests.adapters.postgres import server
from tests.system import relay_process

pytestmark = pytest.mark.anyio


@pytest.fixture
def absent_nats(tmp_path: Path) -> Iterator[NatsServer]:
    nats = NatsServer(tmp_path)
    yield nats
    nats.kill()


@pytest.fixture
def nats(absent_nats: NatsServer) -> NatsServer:
    absent_nats.start()
    return absent_nats


@pytest.fixture
async def connection(absent_nats: NatsServer) -> AsyncIterator[Connection]:
    async with Connection(absent_nats.locate, name="test") as connection:
        yield connection


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


@pytest.fixture
def queue(connection: Connection) -> WorkQueue:
    return WorkQueue(connection)


@pytest.fixture
def relay(database: Database, log: EventLog, connection: Connection, queue: WorkQueue) -> Relay:
    return Relay(database, log, FactPublisher(connection), queue)


async def record(log: EventLog, *facts: Recorded) -> None:
    """Each on a stream of its own, so that nothing depends on what else is there."""
    for fact in facts:
        await log.append(Append(stream=f"test-{uuid7()}", version=0, facts=(fact.fact,), context=fact.context))


@asynccontextmanager
async def running(work: Callable[[], Coroutine[Any, Any, Any]]) -> AsyncIterator[None]:
    task = asyncio.create_task(work())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def published(connection: Connection) -> list[int]:
    """The positions of the facts in the stream, in its order; empty while it cannot be told."""
    try:
        session = await connection.session(timeout=1)
        await session.prepare()
        state = (await session.jetstream.stream_info("FACTS")).state
        sequences = range(max(1, state.first_seq), state.last_seq + 1)
        messages = [await session.jetstream.get_msg("FACTS", sequence) for sequence in sequences]
    except (Unavailable, NatsError):
        return []
    return [msgspec.json.decode(message.data or b"")["position"] for message in messages]


async def all_published(connection: Connection, upto: int, within: float = 10, after: int = 0) -> None:
    """Each of the facts once, in the order of the log."""

    async def complete() -> bool:
        positions = await published(connection)
        assert len(positions) == len(set(positions)), "a fact is there twice"
        return positions == list(range(after + 1, upto + 1))

    await eventually(complete, within)


@contextmanager
def killed_at_the_end(process: asyncio.subprocess.Process) -> Iterator[asyncio.subprocess.Process]:
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()


Elsewhere = Callable[..., Coroutine[Any, Any, asyncio.subprocess.Process]]


@pytest.fixture
def relay_elsewhere(database_url: str, nats: NatsServer) -> Elsewhere:
    """Starts a relay in a process of its own."""

    async def start(*options: str) -> asyncio.subprocess.Process:
        script = [sys.executable, str(Path(relay_process.__file__)), database_url, nats.url]
        return await asyncio.create_subprocess_exec(*script, *options, stderr=asyncio.subprocess.DEVNULL)

    return start


async def test_each_fact_is_published_in_the_order_of_the_log_and_its_work_is_queued(
    log: EventLog, relay: Relay, connection: Connection, queue: WorkQueue, nats: NatsServer
) -> None:
    facts = [queued(1), cancelled(2), rolled_back(3), queued(4)]
    async with running(relay.run):
        await record(log, *facts)
        await all_published(connection, upto=4)
    assert await queue.pending() == {item for fact in facts for item in work(fact)}


async def test_a_long_log_is_caught_up_page_by_page_from_the_checkpoint(
    log: EventLog, relay: Relay, connection: Connection, nats: NatsServer
) -> None:
    facts = tuple(cancelled(number).fact for number in range(1, 2 * PAGE + 10))
    await log.append(Append(stream="test-long", version=0, facts=facts, context=cancelled(1).context))
    async with running(relay.run):
        await all_published(connection, upto=len(facts))
    async with running(relay.run):
        await record(log, cancelled(1))
        await all_published(connection, upto=len(facts) + 1)


@pytest.mark.usefixtures("nats")
async def test_a_fact_whose_ring_is_lost_is_relayed_by_polling(
    log: EventLog, relay: Relay, connection: Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def deaf() -> Iterator[Bell]:
        yield Bell()

    monkeypatch.setattr(database, "bell", deaf)
    async with running(relay.run):
        await record(log, cancelled(1))
        await all_published(connection, upto=1)
        await record(log, cancelled(2))
        await all_published(connection, upto=2, within=2)


@pytest.mark.parametrize("checkpoint", [1, 2, 3])
async def test_a_relay_killed_between_publication_and_checkpoint_loses_and_doubles_nothing(
    log: EventLog, relay: Relay, connection: Connection, relay_elsewhere: Elsewhere, checkpoint: int
) -> None:
    facts = tuple(queued(number).fact for number in range(1, 3 * PAGE))
    await log.append(Append(stream="test-long", version=0, facts=facts, context=queued(1).context))
    process = await relay_elsewhere("--die-at", str(checkpoint))
    with killed_at_the_end(process):
        async with asyncio.timeout(20):
            assert await process.wait() == -9
    assert len(await published(connection)) >= (checkpoint - 1) * PAGE + 1
    async with running(relay.run):
        await all_published(connection, upto=len(facts))
    assert len(await WorkQueue(connection).pending()) == len(facts)


async def test_relays_killed_at_random_lose_and_double_nothing(
    log: EventLog, relay: Relay, connection: Connection, relay_elsewhere: Elsewhere
) -> None:
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    count = 0
    for _ in range(4):
        process = await relay_elsewhere()
        with killed_at_the_end(process):
            before = len(await published(connection))
            for _ in range(chance.randint(20, 60)):
                count += 1
                await record(log, cancelled(count))
            await eventually(lambda before=before: more_than(connection, before))
        await process.wait()
    async with running(relay.run):
        await all_published(connection, upto=count)


async def more_than(connection: Connection, count: int) -> bool:
    return len(await published(connection)) > count


async def test_another_process_takes_over_from_a_killed_relay(
    log: EventLog, relay: Relay, connection: Connection, relay_elsewhere: Elsewhere
) -> None:
    process = await relay_elsewhere()
    with killed_at_the_end(process):
        await record(log, cancelled(1))
        await all_published(connection, upto=1)
        async with running(relay.run):
            process.kill()
            await process.wait()
            await record(log, cancelled(2))
            await all_published(connection, upto=2, within=3)


async def test_facts_recorded_without_nats_are_published_when_it_comes(
    log: EventLog, relay: Relay, connection: Connection, absent_nats: NatsServer
) -> None:
    async with running(relay.run):
        await record(log, *(cancelled(number) for number in range(1, 20)))
        absent_nats.start()
        await all_published(connection, upto=19, within=3)


async def test_facts_recorded_while_nats_is_wiped_are_published_within_two_seconds_of_its_return(
    log: EventLog, relay: Relay, connection: Connection, nats: NatsServer
) -> None:
    async with running(relay.run):
        await record(log, cancelled(1))
        await all_published(connection, upto=1)
        nats.kill()
        nats.wipe()
        await record(log, cancelled(2), queued(3))
        nats.start()
        await all_published(connection, after=1, upto=3, within=2)


async def test_the_relay_goes_on_after_the_database_was_killed(
    tmp_path: Path, connection: Connection, nats: NatsServer
) -> None:
    with server(tmp_path / "pg") as postgres:
        async with Database.open(postgres.url) as database, EventLog.open(database) as log:
            relay = Relay(database, log, FactPublisher(connection), WorkQueue(connection))
            async with running(relay.run):
                await record(log, cancelled(1))
                await all_published(connection, upto=1)
                await asyncio.to_thread(postgres.stop)
                await asyncio.to_thread(postgres.start)
                await eventually(lambda: recorded(log, cancelled(2)))
                await all_published(connection, upto=2, within=4)


async def recorded(log: EventLog, fact: Recorded) -> bool:
    try:
        await record(log, fact)
    except DatabaseAway:
        return False
    return True


async def test_the_relay_stops_before_a_fact_that_it_cannot_read_and_does_not_guess(
    database_url: str, log: EventLog, relay: Relay, connection: Connection, nats: NatsServer
) -> None:
    await record(log, cancelled(1), cancelled(2))
    with psycopg.connect(database_url, autocommit=True) as superuser:
        superuser.execute("INSERT INTO log.events VALUES (3, 'test-x', 1, 'from.tomorrow', %s)", [b"{}"])
    async with running(relay.run):
        await all_published(connection, upto=2)


async def test_work_that_the_queue_lost_is_queued_again(
    database: Database, queue: WorkQueue, connection: Connection, nats: NatsServer
) -> None:
    open_work = {item for number in range(1, 4) for item in work(queued(number))}

    async def told() -> set[WorkItem]:
        return open_work

    async with running(Sweeper(database, queue, told).run):
        await eventually(lambda: waits(queue, open_work), within=3)
        nats.kill()
        nats.wipe()
        nats.start()
        await eventually(lambda: waits(queue, open_work), within=3)


async def waits(queue: WorkQueue, items: set[WorkItem]) -> bool:
    try:
        return await queue.pending(timeout=1) == items
    except Unavailable:
        return False


async def test_sweeping_leaves_work_alone_that_waits_or_is_worked_on(
    database: Database, queue: WorkQueue, connection: Connection, nats: NatsServer
) -> None:
    first, second = (BuildWork(tenant_id="t", deployment_id=name) for name in ("1", "2"))

    async def told() -> list[WorkItem]:
        return [first, second]

    sweeper = Sweeper(database, queue, told)
    await queue.publish({"a": first, "b": second})
    async for job in queue.take("build", limit=1):
        async with job.alive():
            await sweeper.sweep()
            session = await connection.session()
            assert (await session.jetstream.stream_info("WORK")).state.last_seq == 2
        break
