"""Bells of Postgres' notifications: who waits for one read model is not woken for the others."""

import asyncio

import pytest

from adapters.bell import Bell
from adapters.database import MANY, PROJECTED, Database
from adapters.eventlog import EventLog
from projections.catalogue import ALL
from services.growers import grow
from tests.adapters.nats.facts import identifier, queued, rolled_back
from tests.adapters.nats.servers import eventually
from tests.adapters.told import projecting, tell

pytestmark = pytest.mark.anyio


async def test_a_bell_about_a_read_model_rings_when_its_rows_change_and_not_when_others_do(database_url: str) -> None:
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        await grow(database, log, list(ALL.values()))

        async def passed(position: int) -> None:
            async def told() -> bool:
                return database.told(PROJECTED).position >= position

            await eventually(told)

        with database.bell(PROJECTED, "environments") as bell:
            async with projecting(database, log):
                await asyncio.to_thread(tell, database_url, [queued(1)])
                await passed(1)
                bell.clear()
                await asyncio.to_thread(tell, database_url, [queued(2)])
                await passed(2)
                assert not await bell.wait(0.05)
                await asyncio.to_thread(tell, database_url, [rolled_back(3)])
                assert await bell.wait(5)


async def test_a_bell_about_a_read_model_rings_when_all_have_to_look_for_themselves(database_url: str) -> None:
    async with Database.open(database_url) as database:
        with database.bell(PROJECTED, "environments") as bell:
            assert await bell.wait(5), "news may have come before anybody listened"
            await database.fetch("SELECT pg_notify(%s, '0')", [PROJECTED])
            assert await bell.wait(5)


async def test_news_names_the_deployments_that_changed_and_says_when_anything_may_have(database_url: str) -> None:
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        await grow(database, log, list(ALL.values()))
        with database.news(PROJECTED) as news:
            assert news.take() is None, "anything may have changed before anybody listened"
            async with projecting(database, log):
                await asyncio.to_thread(tell, database_url, [queued(1)])
                while (names := news.take()) is None or "deployments" not in names:
                    assert await news.wait(5)
                assert identifier(1) in names
            await database.fetch("SELECT pg_notify(%s, %s)", [PROJECTED, f"7 deployments {MANY}"])
            assert await news.wait(5)
            assert news.take() is None


async def test_who_is_woken_without_a_ring_has_nothing_to_look_for() -> None:
    bell = Bell()
    bell.wake()
    assert not await bell.wait(5)
    bell.ring()
    bell.wake()
    assert await bell.wait(5)
    assert not bell.clear()
