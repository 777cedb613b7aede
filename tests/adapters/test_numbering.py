"""Numbers count up by tenant and series, and none is given twice."""

import asyncio

import pytest

from adapters.database import Database
from adapters.numbering import Counters
from domain.identifiers import TenantId

pytestmark = pytest.mark.anyio


async def test_each_tenants_series_counts_from_one(database_url: str) -> None:
    async with Database.open(database_url) as database:
        numbers = Counters(database)

        given = [
            await numbers.following(TenantId(tenant), series)
            for tenant, series in [("a", "deployment"), ("a", "deployment"), ("b", "deployment"), ("a", "preview")]
        ]

    assert given == [1, 2, 1, 1]


async def test_no_number_is_given_twice_however_many_ask_at_once(database_url: str) -> None:
    async with Database.open(database_url) as database, Database.open(database_url) as another:
        counters = [Counters(database), Counters(another)]

        given = await asyncio.gather(*(counters[n % 2].following(TenantId("a"), "deployment") for n in range(100)))

    assert sorted(given) == list(range(1, 101))
