"""Bells of Postgres' notifications: who waits for one read model is not woken for the others."""

import asyncio

import pytest

from adapters.database import PROJECTED, Database
from adapters.eventlog import EventLog
from projections.catalogue import ALL
from services.growing import grow
from tests.adapters.nats.facts import queued, rolled_back
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
