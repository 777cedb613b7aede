"""Those whom one bell has woken read the log once, and nobody is given less than was there when he asked."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.database import EVENTS, Database
from adapters.eventlog import BELIEVED_SECONDS, EventLog
from commands.ports import Append
from domain.identifiers import StreamName, uuid7
from tests.adapters.nats.facts import cancelled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


async def record(log: EventLog) -> None:
    fact = cancelled(1)
    await log.append(Append(stream=StreamName(f"test-{uuid7()}"), version=0, facts=(fact.fact,), context=fact.context))


async def test_all_who_ask_at_one_moment_share_a_reading(log: EventLog) -> None:
    await record(log)
    first, second, third = await asyncio.gather(*(log.notifications(0, 500) for _ in range(3)))
    assert first is second is third
    assert [recorded.position for recorded in first] == [1]


async def test_whoever_asks_after_a_fact_was_recorded_sees_it_whatever_is_read_meanwhile(log: EventLog) -> None:
    for position in range(1, 50):
        earlier = asyncio.create_task(log.notifications(0, 500))
        await record(log)
        assert [recorded.position for recorded in await log.notifications(0, 500)][-1] == position
        await earlier


async def test_one_who_gives_up_takes_the_reading_from_nobody(log: EventLog) -> None:
    await record(log)
    leaving, staying = (asyncio.create_task(log.notifications(0, 500)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert len(await staying) == 1
    assert leaving.cancelled()


async def test_a_reading_that_everybody_has_left_fails_for_nobody(log: EventLog, database: Database) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    await database.fetch("INSERT INTO log.events VALUES (1, 'test-x', 1, 'from.tomorrow', '{}') RETURNING 1")
    leaving = asyncio.create_task(log.notifications(0, 500))
    before = asyncio.all_tasks()
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before

    leaving.cancel()
    await asyncio.wait({leaving, *left})
    left.clear()
    gc.collect()

    assert complaints == []


async def test_what_one_follower_has_read_the_others_are_given(log: EventLog) -> None:
    for _ in range(3):
        await record(log)
    first = await log.following(0, 500)
    second, third = await log.following(1, 500), await log.following(0, 2)
    assert [recorded.position for recorded in first] == [1, 2, 3]
    assert second[0] is first[1]
    assert third == first[:2]


async def test_a_follower_sees_what_no_notification_told_of_within_a_second(log: EventLog, database: Database) -> None:
    with database.bell() as bell:
        await record(log)
        while database.told(EVENTS).position != 1:
            assert await bell.wait(5)
        await log.following(0, 500)
        await database.fetch("INSERT INTO log.events SELECT 2, 'untold', 1, tag, state FROM log.events RETURNING 1")
        assert await log.following(1, 500) == []
        async with asyncio.timeout(2 * BELIEVED_SECONDS):
            while not (found := await log.following(1, 500)):
                await bell.wait(0.05)
        assert [recorded.position for recorded in found] == [2]
