"""The second wall: a query that forgets whose rows it wants gets nothing of another workspace's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.database import Database, Unavailable
from adapters.eventlog import EventLog
from adapters.reading import PostgresReader
from domain.identifiers import TenantId
from projections.audit_trail import AUDIT_TRAIL
from projections.catalogue import ALL
from projections.changes import Table
from projections.credentials import ACCOUNTS, WORKSPACES
from projections.deployments import DEPLOYMENTS
from projections.projects import PROJECTS
from projections.reading import Paging, Selection, Wanted
from services.growers import grow
from tests.adapters.told import tell
from tests.projections.histories import history

pytestmark = pytest.mark.anyio

MINE, THEIRS = TenantId("tenant a"), TenantId("tenant b")
ALL_ROWS = Paging(size=200)


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[PostgresReader]:
    """A reader of two workspaces' rows."""
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        tell(database_url, history(7, moves=60))
        await grow(database, log, list(ALL.values()))
        yield PostgresReader(database)


def forgetful(table: Table[Any]) -> Selection:
    """A selection that says nothing of a workspace."""
    return Selection(order_by=table.key[0])


@pytest.mark.parametrize("table", [PROJECTS, DEPLOYMENTS, AUDIT_TRAIL], ids=lambda table: table.name)
async def test_a_query_without_its_filter_yields_one_workspace(reader: PostgresReader, table: Table[Any]) -> None:
    mine = (await reader.within(MINE).select(table, forgetful(table), ALL_ROWS)).rows
    theirs = (await reader.within(THEIRS).select(table, forgetful(table), ALL_ROWS)).rows
    everything = (await reader.select(table, forgetful(table), ALL_ROWS)).rows

    assert {row.tenant_id for row in mine} == {MINE}
    assert {row.tenant_id for row in theirs} == {THEIRS}
    assert {row.tenant_id for row in everything} > {MINE}


async def test_a_query_for_another_workspace_yields_nothing(reader: PostgresReader) -> None:
    asked = Selection(equal={"tenant_id": THEIRS}, order_by="id")

    assert (await reader.within(MINE).select(PROJECTS, asked, ALL_ROWS)).rows == []
    assert await reader.within(MINE).count(PROJECTS, asked) == 0
    assert [row.id for row in (await reader.within(MINE).select(WORKSPACES, forgetful(WORKSPACES), ALL_ROWS)).rows] == [
        MINE
    ]


async def test_accounts_are_for_no_reader_of_a_workspace(reader: PostgresReader) -> None:
    with pytest.raises(Unavailable):
        await reader.within(MINE).select(ACCOUNTS, forgetful(ACCOUNTS), ALL_ROWS)
    assert (await reader.within(MINE).select(PROJECTS, forgetful(PROJECTS), ALL_ROWS)).rows
    assert (await reader.select(ACCOUNTS, forgetful(ACCOUNTS), ALL_ROWS)).rows


async def test_many_at_once_each_see_their_own_and_the_owner_everything(reader: PostgresReader) -> None:
    async def seen(tenant: TenantId | None) -> set[TenantId]:
        asked = reader if tenant is None else reader.within(tenant)
        [page] = await asked.pages(Wanted(PROJECTS, forgetful(PROJECTS), ALL_ROWS))
        return {row.tenant_id for row in page.rows}

    found = await asyncio.gather(*(seen(tenant) for _ in range(30) for tenant in (MINE, None, THEIRS)))

    assert found == [{MINE}, {MINE, THEIRS}, {THEIRS}] * 30
