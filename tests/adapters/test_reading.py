"""Queries: whole rows of one tenant, page by page, and never one twice."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from psycopg import AsyncConnection

from adapters import folding, reading, readmodels
from adapters.database import Database, Unavailable
from adapters.eventlog import EventLog
from adapters.folding import Folding, fold
from adapters.reading import PostgresReader, Progress
from adapters.readmodels import live
from domain.deployment import Status
from domain.history import Recorded
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, TenantId
from domain.rejection import Invalid
from projections import audit_trail, deployments, projects
from projections.catalogue import ALL
from projections.changes import Row
from projections.deployments import DEPLOYMENTS, DeploymentRow
from projections.environments import ENVIRONMENTS
from projections.projects import PROJECTS
from projections.reading import LARGEST_PAGE, Page, Paging, Selection, every
from services.growers import grow
from tests.adapters.told import tell
from tests.projections.histories import BEGINNING, history
from tests.projections.memory import MemoryReadModels, listing

pytestmark = pytest.mark.anyio
ACME, SHOP = TenantId("acme"), ProjectId("shop")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


@pytest.fixture
async def reader(database: Database, log: EventLog) -> PostgresReader:
    """A reader of empty read models."""
    await grow(database, log, list(ALL.values()))
    return PostgresReader(database)


def deployment(number: int, project: ProjectId = SHOP, tenant: TenantId = ACME) -> DeploymentRow:
    at = BEGINNING + timedelta(minutes=number // 3)
    return DeploymentRow(
        id=DeploymentId(f"{tenant} {number:06d}"),
        tenant_id=tenant,
        number=number,
        ref=f"DEP-{number:04d}",
        project_id=project,
        environment_id=EnvironmentId("production"),
        branch="main",
        commit=None,
        note=None,
        retry_of=None,
        triggered_by="insider",
        queued_at=at,
        updated_at=at,
        version=1,
    )


async def put(database: Database, *rows: Row) -> None:
    """Rows stand in their tables, as if projected."""
    async with database.connection() as connection:
        for row in rows:
            table = DEPLOYMENTS if isinstance(row, DeploymentRow) else PROJECTS
            model = "deployments" if isinstance(row, DeploymentRow) else "projects"
            statement, json = folding.upsert(live(model), table, [row])
            await connection.execute(statement, [json])


async def test_what_is_read_equals_what_was_projected(database_url: str, database: Database, log: EventLog) -> None:
    facts = history(21, moves=100)
    tell(database_url, facts)
    await grow(database, log, list(ALL.values()))
    memory, reader = MemoryReadModels(), PostgresReader(database)
    memory.deliver(facts)
    for table in memory.tables:
        selection = Selection(order_by=table.key[0])
        assert await every(reader, table, selection) == _storable(await every(memory, table, selection))


def _storable(rows: list[Any]) -> list[Any]:
    """A row whose note has a NUL is stored without."""
    return [
        replace(row, note=row.note.replace("\x00", "\ufffd"))
        if isinstance(row, DeploymentRow) and row.note
        else replace(row, sentence=row.sentence.replace("\x00", "\ufffd"))
        if hasattr(row, "sentence")
        else row
        for row in rows
    ]


SELECTIONS = st.builds(
    Selection,
    equal=st.fixed_dictionaries(
        {"tenant_id": st.sampled_from(["tenant a", "tenant b"])},
        optional={
            "status": st.sampled_from([Status.SUCCEEDED, (Status.FAILED, Status.CANCELLED), ()]),
            "commit": st.none(),
            "ended": st.booleans(),
        },
    ),
    search=st.sampled_from([None, "dep-000", "A%", "_", "DEPLOYMENT B", "\\", "\x00"]),
    search_in=st.just(("ref", "id")),
    order_by=st.sampled_from(["number", "queued_at", "id", "status"]),
    descending=st.booleans(),
)


async def test_a_selection_means_in_the_database_what_it_means_in_memory(
    database_url: str, database: Database, log: EventLog
) -> None:
    facts = history(22, moves=60)
    tell(database_url, facts)
    await grow(database, log, [ALL["deployments"]])
    memory, reader = MemoryReadModels(), PostgresReader(database)
    memory.deliver(facts)
    random.seed(1)

    @settings(max_examples=60, deadline=None)
    @given(SELECTIONS, st.integers(1, 7), st.integers(1, 4))
    async def law(selection: Selection, size: int, page: int) -> None:
        paging = Paging(page=page, size=size, counted=True)
        found, expected = [await one.select(DEPLOYMENTS, selection, paging) for one in (reader, memory)]
        assert [row.id for row in found.rows] == [row.id for row in expected.rows]
        assert found.total == expected.total
        assert (found.following is None) == (expected.following is None)

    await _examples(law)


async def _examples(law: Any) -> None:
    """Run an asynchronous law within the running loop."""
    loop = asyncio.get_running_loop()
    inner = law.hypothesis.inner_test
    law.hypothesis.inner_test = lambda *args, **kwargs: asyncio.run_coroutine_threadsafe(
        inner(*args, **kwargs), loop
    ).result(20)
    await asyncio.to_thread(law)


async def test_walking_the_pages_shows_each_row_once_while_rows_are_added(
    database: Database, reader: PostgresReader
) -> None:
    await put(database, *[deployment(number) for number in range(1000, 1100)])
    selection = Selection(equal={"tenant_id": ACME}, order_by="queued_at", descending=True)
    seen: list[str] = []
    cursor: str | None = None
    for step in range(1000):
        page = await reader.select(DEPLOYMENTS, selection, Paging(after=cursor, size=7))
        seen += [row.id for row in page.rows]
        if page.following is None:
            break
        cursor = page.following
        await put(database, deployment(2000 + step), deployment(step))  # before and behind the place
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=True)
    assert {deployment(number).id for number in range(1000, 1100)} <= set(seen)


async def test_a_page_at_the_end_has_no_cursor(database: Database, reader: PostgresReader) -> None:
    await put(database, *[deployment(number) for number in range(1, 11)])
    selection = Selection(equal={"tenant_id": ACME}, order_by="number")
    first = await reader.select(DEPLOYMENTS, selection, Paging(size=5))
    assert first.following
    last = await reader.select(DEPLOYMENTS, selection, Paging(after=first.following, size=5))
    assert [row.number for row in last.rows] == [6, 7, 8, 9, 10]
    assert last.following is None
    assert (await reader.select(DEPLOYMENTS, selection, Paging(page=3, size=5))) == Page(rows=[])


async def test_a_cursor_of_another_list_is_refused(database: Database, reader: PostgresReader) -> None:
    await put(database, *[deployment(number) for number in range(1, 11)])
    selection = Selection(equal={"tenant_id": ACME}, order_by="number")
    page = await reader.select(DEPLOYMENTS, selection, Paging(size=5))
    for other in (
        replace(selection, order_by="queued_at"),
        replace(selection, descending=True),
        replace(selection, equal={"tenant_id": "other"}),
        replace(selection, search="x", search_in=("ref",)),
    ):
        with pytest.raises(Invalid, match="cursor"):
            await reader.select(DEPLOYMENTS, other, Paging(after=page.following))


@pytest.mark.parametrize("cursor", ["", "x", "é", "e30", "WzFd", "bnVsbA", "A" * 10_000, "\x00", "W10="])
async def test_a_cursor_that_nobody_gave_is_refused(reader: PostgresReader, cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        await reader.select(DEPLOYMENTS, Selection(order_by="number"), Paging(after=cursor))


@pytest.mark.parametrize(
    "paging", [Paging(size=0), Paging(size=LARGEST_PAGE + 1), Paging(page=0), Paging(page=2**70), Paging(page=-1)]
)
async def test_a_page_that_cannot_be_is_refused(reader: PostgresReader, paging: Paging) -> None:
    with pytest.raises(Invalid, match="page"):
        await reader.select(DEPLOYMENTS, Selection(), paging)


@pytest.mark.parametrize("identifier", ["no such", "a\x00b", "\ud800", "'; DROP TABLE x --", "%s"])
async def test_an_identifier_that_nobody_has_finds_nothing(reader: PostgresReader, identifier: str) -> None:
    assert await deployments.find(reader, ACME, DeploymentId(identifier)) is None
    assert (await projects.listing(reader, ACME, Paging(), search=identifier)).rows == []


async def test_the_total_is_known_where_it_is_wanted(database: Database, reader: PostgresReader) -> None:
    await put(database, *[deployment(number) for number in range(1, 11)])
    page = await listing(reader, ACME, SHOP, Paging(size=3, counted=True))
    assert page.total == 10
    assert (await listing(reader, ACME, SHOP, Paging(after=page.following, size=3))).total is None
    assert (await listing(reader, ACME, SHOP, Paging(page=9, size=3, counted=True))).total == 10


async def test_no_more_rows_are_counted_than_page_numbers_reach(
    database: Database, reader: PostgresReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "DEEPEST_ROW", 4)
    await put(database, *[deployment(number) for number in range(1, 6)])
    page = await listing(reader, ACME, SHOP, Paging(size=3, counted=True))
    assert (len(page.rows), page.total) == (3, None)


async def test_a_list_that_is_not_grown_yet_is_unavailable_rather_than_empty(database: Database) -> None:
    reader = PostgresReader(database)
    with pytest.raises(Unavailable, match="moment"):
        await deployments.find(reader, ACME, DeploymentId("one"))
    with pytest.raises(Unavailable):
        await reader.count(ENVIRONMENTS, Selection())


async def test_no_read_model_that_is_missing_counts_as_passed(
    database_url: str, database: Database, log: EventLog
) -> None:
    facts = history(23)
    tell(database_url, facts)
    async with Progress.open(database) as progress:
        assert await progress.passed(0, 1)
        await grow(database, log, [model for name, model in ALL.items() if name != "secrets"])
        assert not await progress.passed(1, 0.2)
        await grow(database, log, [ALL["secrets"]])
        assert await progress.passed(len(facts), 5)


async def test_a_read_model_that_gave_up_holds_up_nobody(
    database_url: str, database: Database, log: EventLog, reader: PostgresReader
) -> None:
    facts = history(24)
    async with Progress.open(database) as progress:
        waiting = asyncio.create_task(progress.passed(len(facts), 10))
        async with await AsyncConnection.connect(database.conninfo, autocommit=True) as connection:
            await deliver(connection, facts, [name for name in ALL if name != "secrets"])
            assert not waiting.done()
            await readmodels.stop(connection, live("secrets"), 1, "it broke")
        assert await waiting


async def deliver(connection: AsyncConnection, facts: list[Recorded], names: list[str]) -> None:
    foldings = [Folding(ALL[name], 0) for name in names]
    fold(foldings, facts)
    await readmodels.apply(connection, foldings, 0)


async def test_two_tenants_walk_past_each_other(database_url: str, database: Database, log: EventLog) -> None:
    tell(database_url, history(25, moves=80))
    await grow(database, log, list(ALL.values()))
    reader = PostgresReader(database)
    for mine in ("a", "b"):
        tenant = TenantId(f"tenant {mine}")
        cursor = None
        while True:
            page = await audit_trail.listing(
                reader, audit_trail.Sought(tenant_id=tenant), Paging(after=cursor, size=50)
            )
            assert {row.tenant_id for row in page.rows} <= {tenant}
            cursor = page.following
            if cursor is None:
                break
        other = ProjectId(f"project {'b' if mine == 'a' else 'a'}")
        assert await projects.find(reader, tenant, other) is None
        assert (await listing(reader, tenant, other, Paging())).rows == []
