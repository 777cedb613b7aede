"""Each item of work is in somebody's hands until it is done, whoever dies."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from nats.js.api import StreamInfo

from adapters.nats import subjects
from adapters.nats.connecting import Connection, Unavailable
from adapters.nats.streams import ACK_WAIT
from adapters.nats.work import Job, WorkQueue
from commands.policies import ActivationWork, BuildWork, WorkItem
from domain.identifiers import DeploymentId, EnvironmentId
from tests.adapters.nats import holder
from tests.adapters.nats.facts import TENANT, identifier
from tests.adapters.nats.servers import NatsServer, eventually

pytestmark = pytest.mark.anyio


def build(number: int) -> BuildWork:
    return BuildWork(tenant_id=TENANT, deployment_id=DeploymentId(identifier(number)))


def activation(number: int) -> ActivationWork:
    return ActivationWork(tenant_id=TENANT, environment_id=EnvironmentId(identifier(1)), activation=number)


@pytest.fixture
def queue(connection: Connection) -> WorkQueue:
    return WorkQueue(connection)


async def put(queue: WorkQueue, *items: WorkItem, under: str = "first") -> None:
    await queue.publish({f"{under} {number}": item for number, item in enumerate(items)}, timeout=5)


@asynccontextmanager
async def taking(queue: WorkQueue, limit: int = 1) -> AsyncIterator[AsyncIterator[Job]]:
    async with aclosing(queue.take("build", limit)) as jobs:
        yield jobs


async def following(jobs: AsyncIterator[Job], within: float = 3) -> Job:
    async with asyncio.timeout(within):
        return await anext(jobs)


async def nothing_follows(jobs: AsyncIterator[Job], for_seconds: float) -> bool:
    task = asyncio.ensure_future(anext(jobs))
    done, _ = await asyncio.wait({task}, timeout=for_seconds)
    task.cancel()
    await asyncio.wait({task})
    return not done


async def test_items_come_in_the_order_of_their_queueing_and_go_when_done(queue: WorkQueue) -> None:
    await put(queue, build(1), build(2), build(3))
    seen = []
    async with taking(queue) as jobs:
        for _ in range(3):
            job = await following(jobs)
            async with job.alive():
                seen.append(job.item)
                await job.done()
    assert seen == [build(1), build(2), build(3)]
    await gone(queue)


async def gone(queue: WorkQueue) -> None:
    async def empty() -> bool:
        return not await queue.pending()

    await eventually(empty, within=2)


async def test_all_that_is_pending_is_told_beyond_what_the_server_tells_at_a_time(
    queue: WorkQueue, connection: Connection
) -> None:
    page, count = 100_000, 100_002
    session = await connection.session()
    await session.prepare()
    stream = session.jetstream.stream_info
    async with asyncio.timeout(60):
        for number in range(count):
            await session.client.publish(subjects.work(build(number)))
            if number % 1000 == 0:
                await session.client.flush()  # what is sent too fast is dropped by the server
        await eventually(lambda: stored(stream, count), within=30)
    found = await queue.pending()
    assert page < len(found) == count


async def stored(stream_info: Callable[[str], Awaitable[StreamInfo]], count: int) -> bool:
    return (await stream_info("WORK")).state.messages == count


async def test_builds_and_activations_have_takers_of_their_own(queue: WorkQueue) -> None:
    await put(queue, build(1), activation(1), activation(2))
    async with aclosing(queue.take("activate", 2)) as activations, taking(queue) as builds:
        assert (await following(builds)).item == build(1)
        assert {(await following(activations)).item, (await following(activations)).item} == {
            activation(1),
            activation(2),
        }


async def test_an_item_that_is_there_already_is_not_queued_again(queue: WorkQueue) -> None:
    await put(queue, build(1))
    await put(queue, build(1), build(2), under="second")
    assert await queue.pending() == {build(1), build(2)}
    async with taking(queue, limit=3) as jobs:
        assert (await following(jobs)).item == build(1)
        await put(queue, build(1), under="while worked on")
        assert (await following(jobs)).item == build(2)
        assert await nothing_follows(jobs, for_seconds=0.3)


async def test_an_id_published_twice_counts_once_even_after_the_work_is_done(queue: WorkQueue) -> None:
    await put(queue, build(1))
    async with taking(queue) as jobs:
        job = await following(jobs)
        async with job.alive():
            await job.done()
        await gone(queue)
        await put(queue, build(1))
        assert await queue.pending() == set()


async def test_a_taker_never_holds_more_than_its_limit(queue: WorkQueue) -> None:
    await put(queue, *(build(number) for number in range(5)))
    async with taking(queue, limit=2) as jobs:
        first, second = await following(jobs), await following(jobs)
        assert await nothing_follows(jobs, for_seconds=0.3)
    assert {first.item, second.item} == {build(0), build(1)}


async def test_room_is_made_by_each_job_that_ends(queue: WorkQueue) -> None:
    await put(queue, build(1), build(2))
    async with taking(queue) as jobs:
        async with (await following(jobs)).alive() as _:
            pass
        assert (await following(jobs)).item in {build(1), build(2)}


async def test_a_job_put_off_comes_back_after_its_delay(queue: WorkQueue) -> None:
    await put(queue, build(1))
    async with taking(queue) as jobs:
        job = await following(jobs)
        async with job.alive():
            began = asyncio.get_running_loop().time()
            await job.later(0.5)
        again = await following(jobs)
        assert again.attempt == 2
        assert 0.4 < asyncio.get_running_loop().time() - began < 3


async def test_a_job_left_by_an_error_comes_back_a_second_later(queue: WorkQueue) -> None:
    await put(queue, build(1))
    async with taking(queue) as jobs:
        job = await following(jobs)
        with pytest.raises(ZeroDivisionError):
            async with job.alive():
                _ = 1 / 0
        assert (await following(jobs)).item == build(1)


async def test_a_job_that_is_given_up_goes_to_another_taker_at_once(nats: NatsServer, queue: WorkQueue) -> None:
    await put(queue, build(1))
    async with Connection(nats.locate, name="other") as other:
        async with taking(queue) as jobs:
            async with (await following(jobs)).alive():
                pass
            await jobs.aclose()  # type: ignore[attr-defined] # an asynchronous generator
        async with taking(WorkQueue(other)) as jobs:
            assert (await following(jobs, within=2)).item == build(1)


async def test_signs_of_life_hold_a_job_for_longer_than_the_lease(nats: NatsServer, queue: WorkQueue) -> None:
    await put(queue, build(1))
    async with Connection(nats.locate, name="other") as other, taking(queue) as jobs, taking(WorkQueue(other)) as rest:
        job = await following(jobs)
        async with job.alive():
            assert await nothing_follows(rest, for_seconds=ACK_WAIT + 2.5)
            await job.done()
        await gone(queue)


async def test_a_killed_takers_job_is_given_to_another(nats: NatsServer, queue: WorkQueue) -> None:
    await put(queue, build(1))
    script = [sys.executable, str(Path(holder.__file__)), nats.url]
    taker = await asyncio.create_subprocess_exec(*script, stdout=subprocess.PIPE)
    try:
        assert taker.stdout is not None
        assert await taker.stdout.readline() == b"holding\n"
    finally:
        taker.kill()
        await taker.wait()
    async with taking(queue) as jobs:
        job = await following(jobs, within=ACK_WAIT + 3)
        assert job.item == build(1)
        assert job.attempt == 2


async def queued(queue: WorkQueue, item: WorkItem) -> bool:
    try:
        await put(queue, item, under="after the wipe")
    except Unavailable:
        return False
    return True


async def test_a_wiped_server_gives_work_again_within_two_seconds_of_its_start(
    nats: NatsServer, queue: WorkQueue
) -> None:
    async with taking(queue, limit=2) as jobs:
        await put(queue, build(1))
        async with (await following(jobs)).alive():
            waiting = asyncio.ensure_future(anext(jobs))
            nats.kill()
            nats.wipe()
            nats.start()
            async with asyncio.timeout(2):
                await eventually(lambda: queued(queue, build(2)))
                assert (await waiting).item == build(2)


async def test_a_taker_survives_its_stream_and_consumer_being_deleted(queue: WorkQueue, connection: Connection) -> None:
    async with taking(queue) as jobs:
        waiting = asyncio.ensure_future(anext(jobs))
        session = await connection.session()
        await session.prepare()
        await session.jetstream.delete_stream("WORK")
        session.unprepare()
        await put(queue, build(1))
        async with asyncio.timeout(5):
            assert (await waiting).item == build(1)


async def test_an_item_queued_again_after_a_wipe_renews_the_job_in_hand(
    nats: NatsServer, queue: WorkQueue, connection: Connection
) -> None:
    await put(queue, build(1))
    async with taking(queue, limit=2) as jobs:
        job = await following(jobs)
        async with job.alive():
            waiting = asyncio.ensure_future(anext(jobs))
            await restarted_empty(nats, connection)
            await put(queue, build(1), under="swept")
            done, _ = await asyncio.wait({waiting}, timeout=ACK_WAIT + 1.5)
            assert not done
            await job.done()
        await gone(queue)
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_a_job_from_before_a_wipe_does_not_settle_another_item(
    nats: NatsServer, queue: WorkQueue, connection: Connection
) -> None:
    await put(queue, build(1))
    async with taking(queue) as jobs:
        job = await following(jobs)
        async with job.alive():
            await restarted_empty(nats, connection)
            await put(queue, build(2), under="another in the same place")
            async with Connection(nats.locate, name="other") as other, taking(WorkQueue(other)) as rest:
                assert (await following(rest)).item == build(2)
                await job.done()
                await (await connection.session()).client.flush()
                assert await queue.pending() == {build(2)}


async def restarted_empty(nats: NatsServer, connection: Connection) -> None:
    session = await connection.session()
    nats.kill()
    nats.wipe()
    await asyncio.wait({session.ended}, timeout=2)
    nats.start()
    await connection.session(timeout=2)


async def test_done_says_nothing_when_nats_is_away(nats: NatsServer, queue: WorkQueue) -> None:
    await put(queue, build(1))
    async with taking(queue) as jobs:
        job = await following(jobs)
        async with job.alive():
            nats.kill()
            await job.done()


async def test_a_foreign_message_in_the_queue_is_thrown_out(queue: WorkQueue, connection: Connection) -> None:
    session = await connection.session()
    await session.prepare()
    await session.jetstream.publish("work.build.nonsense", b"")
    await put(queue, build(1))
    assert await queue.pending() == {build(1)}
    async with taking(queue) as jobs:
        assert (await following(jobs)).item == build(1)
        assert (await session.jetstream.stream_info("WORK")).state.messages == 1


async def test_a_taker_stops_at_once_when_cancelled(nats: NatsServer, queue: WorkQueue, connection: Connection) -> None:
    async def take_for_ever() -> None:
        async with taking(queue) as jobs:
            async for _ in jobs:
                pass

    async def someone_waits() -> bool:
        session = await connection.session()
        await session.prepare()
        return (await session.jetstream.consumer_info("WORK", "build")).num_waiting == 1

    for kill in (False, True):
        task = asyncio.create_task(take_for_ever())
        await eventually(someone_waits)
        if kill:
            nats.kill()
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2)
        assert done
