"""Those whom one bell has woken read the log once, and nobody is given less than was there when he asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.database import Database
from adapters.eventlog import EventLog
from commands.ports import Append
from domain.identifiers import StreamName, uuid7
from tests.adapters.nats.facts import cancelled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[EventLog]:
    async with Database.open(database_url) as database, EventLog.open(database) as log:
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
