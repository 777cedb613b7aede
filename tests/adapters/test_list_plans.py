"""No list sorts more than a page, whatever the planner knows of its rows: each is read in the order of an index."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString

import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql

from adapters import tables
from adapters.answering import _numbered
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.linestore import LineStore
from adapters.reading import PostgresReader
from adapters.readmodels import live
from domain.deployment import Status
from domain.identifiers import AccountId, DeploymentId, EnvironmentId, LogId, ProjectId, StreamName, TenantId
from domain.secret import SecretScope
from projections import (
    audit_trail,
    credentials,
    deployments,
    environments,
    lines,
    projects,
    releases,
    repositories,
    secrets,
)
from projections.audit_trail import Sought
from projections.catalogue import ALL
from projections.changes import Table
from projections.reading import LARGEST_PAGE, Page, Paging, Reader, Selection, Wanted
from services.growers import grow
from tests.adapters.told import tell
from tests.projections.histories import history

pytestmark = pytest.mark.anyio

ROWS = 4000
"""In each table: a quarter are one workspace's, of whose projects one has a twentieth of those."""
PAGINGS = (Paging(counted=True), Paging(page=2), Paging(size=LARGEST_PAGE))

_TENANT = "CASE WHEN n % 4 = 0 THEN 'long' ELSE 'w' || n % 20 END"
_PROJECT = f"{_TENANT} || CASE WHEN n % 80 = 0 THEN ' few' ELSE ' shop' END"
_SCATTERED = "md5(n::text)"
_LATER = "'2026-01-01'::timestamptz + n * interval '1 minute'"
_MULTIPLIED = {
    "tenant_id": _TENANT,
    "account_id": _TENANT,
    "project_id": _PROJECT,
    "environment_id": f"{_PROJECT} || n % 2",
    "subject": f"{_PROJECT} || n % 2",
    "deployment_id": f"'d' || n % {ROWS // 20}",
    "fencing_token": "n",
    "id": _SCATTERED,
    "release_id": _SCATTERED,
    "log_id": _SCATTERED,
    "digest": _SCATTERED,
    "label": _SCATTERED,
    "login": _SCATTERED,
    "name": _SCATTERED,
    "slug": _SCATTERED,
    "number": "n",
    "position": "n",
    "status": "CASE WHEN n % 9 = 0 THEN 'failed' ELSE 'succeeded' END",
    "scope": "(ARRAY['workspace', 'project', 'environment'])[1 + n % 3]",
    "queued_at": _LATER,
    "created_at": _LATER,
    "started_at": _LATER,
    "joined_at": _LATER,
    "ended": "n % 100 <> 0",
    "log_closed": "n % 50 <> 0",
    "connected": "n % 3 <> 0",
    "active": "n % 10 = 0",
    "unattended": "n % 100 = 0",
}
_ONLY = {
    "projects": {"status": "CASE WHEN n % 9 = 0 THEN 'archived' ELSE 'active' END"},
    "memberships": {"tenant_id": "'w' || n"},
    "tokens": {"scope": "'admin'"},
}
"""What one table has otherwise."""


class Listed(Reader):
    """Notes what is asked for, and finds nothing."""

    def __init__(self) -> None:
        self.wanted: dict[Any, Wanted] = {}

    async def one(self, table: Table[Any], equal: Mapping[str, object]) -> Any:
        raise AssertionError(f"no list of {table.name} was asked for: {equal}")

    async def select(self, table: Table[Any], selection: Selection, paging: Paging) -> Page[Any]:
        self.wanted[repr(selection), table] = Wanted(table, selection, paging)
        return Page(rows=[])

    async def pages(self, *wanted: Wanted) -> list[Page[Any]]:
        return [await self.select(one.table, one.selection, one.paging) for one in wanted]

    async def count(self, table: Table[Any], selection: Selection) -> int:
        raise AssertionError(f"no list of {table.name} was asked for: {selection}")


class Explaining(Database):
    """Answers after it has asked how the answer is found, in a plan for these values and in one for any."""

    def __init__(self, database: Database, connection: psycopg.Connection) -> None:
        self._database = database
        self._connection = connection
        self.sorted: list[int] = []

    async def answer(
        self, query: LiteralString, parameters: Sequence[object], tenant: str | None = None
    ) -> list[bytes | None]:
        self._explain(query, parameters)
        return await self._database.answer(query, parameters, tenant)

    async def fetch(self, query: LiteralString, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self._explain(query, parameters)
        return []

    def _explain(self, query: LiteralString, parameters: Sequence[object]) -> None:
        values = sql.SQL(", ").join(map(sql.Literal, parameters))
        self._connection.execute(b"PREPARE listed AS " + _numbered(query))
        explain = sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE listed ({})").format(values)
        for mode in ("custom", "generic"):
            self._connection.execute(f"SET plan_cache_mode TO force_{mode}_plan".encode())
            [(plans,)] = self._connection.execute(explain).fetchall()
            self.sorted += _sorted(plans[0]["Plan"])
        self._connection.execute("DEALLOCATE listed")


def _sorted(plan: Mapping[str, Any]) -> Iterator[int]:
    """How many rows each step of a plan sorts."""
    for below in plan.get("Plans", ()):
        if "Sort" in plan["Node Type"]:
            yield round(below["Actual Rows"] * below["Actual Loops"])
        yield from _sorted(below)


async def lists() -> list[Wanted]:
    """All that there are, with each of their filters."""
    reader = Listed()
    page = Paging()
    for name, which in [("long", "shop"), ("long", "few")]:
        tenant, account, project = TenantId(name), AccountId(name), ProjectId(f"{name} {which}")
        environment = EnvironmentId(f"{project}0")
        for subject in (None, StreamName(environment)):
            for types in ((), ("deployment.queued",)):
                sought = Sought(tenant_id=tenant, subject=subject, types=types)
                await audit_trail.listing(reader, sought, page)
                await audit_trail.listing(reader, replace(sought, after=7, upto=3000, descending=False), page)
        await credentials.memberships(reader, account)
        await credentials.tokens(reader, account)
        for place in (None, environment):
            await reader.pages(deployments.listed(tenant, project, page, environment_id=place))
            await reader.pages(
                deployments.listed(tenant, project, page, environment_id=place, statuses=(Status.FAILED,))
            )
            await releases.history(reader, tenant, project, page, environment_id=place)
        await releases.rollback_targets(reader, tenant, environment, page)
        await environments.of_project(reader, tenant, project)
        for search in (None, "0"):
            await projects.listing(reader, tenant, page, search=search)
            await projects.listing(reader, tenant, page, search=search, status=projects.ProjectStatus.ARCHIVED)
        await repositories.listing(reader, tenant, page)
        for scope in (None, *SecretScope):
            await secrets.listing(reader, tenant, page, scope=scope)
            await secrets.listing(reader, tenant, page, scope=scope, project_id=project)
            await secrets.listing(reader, tenant, page, scope=scope, environment_id=environment)
        await secrets.effective(reader, tenant, project, environment)
    some = tuple(str(number) for number in range(LARGEST_PAGE))
    await deployments.events(reader, TenantId("long"), DeploymentId("d4"))
    await deployments.open_deployments(reader)
    await deployments.with_open_log(reader)
    await environments.serving(reader)
    await environments.unattended(reader)
    await reader.pages(deployments.among(tuple(map(DeploymentId, some))), lines.ends(tuple(map(LogId, some))))
    return list(reader.wanted.values())


def fill(connection: psycopg.Connection) -> None:
    """Multiply one row of each table. The planner knows nothing of them, as of a table that was never analysed."""
    for model in ALL.values():
        for table in model.tables:
            named = tables.name(live(model.name), table)
            values = _MULTIPLIED | _ONLY.get(table.name, {})
            columns = [
                sql.SQL(values[column]) if column in values else sql.Identifier("kept", column)
                for column in table.row.__struct_fields__
            ]
            connection.execute(sql.SQL("CREATE TEMP TABLE kept AS SELECT * FROM {} LIMIT 1").format(named))
            connection.execute(sql.SQL("TRUNCATE {}").format(named))
            insert = sql.SQL("INSERT INTO {} SELECT {} FROM kept, generate_series(1, {}) AS n ON CONFLICT DO NOTHING")
            connection.execute(insert.format(named, sql.SQL(", ").join(columns), sql.Literal(ROWS)))
            connection.execute("DROP TABLE kept")
    connection.execute(
        "DELETE FROM pg_statistic USING pg_class WHERE pg_class.oid = starelid"
        " AND starts_with(relnamespace::regnamespace::text, 'read_')"
    )


async def unordered(database: Database, connection: psycopg.Connection) -> dict[str, int]:
    """The lists that sort more than a page, and how many rows."""
    found = {}
    for wanted in await lists():
        explaining = Explaining(database, connection)
        reader = PostgresReader(explaining)
        for descending in (False, True):
            selection = msgspec.structs.replace(wanted.selection, descending=descending)
            for paging in PAGINGS:
                page = await reader.select(wanted.table, selection, paging)
            if page.following:
                await reader.select(wanted.table, selection, Paging(after=page.following))
            if (most := max(explaining.sorted, default=0)) > LARGEST_PAGE:
                found[f"{wanted.table.name} {selection}"] = most
    return found


async def test_no_list_sorts_more_than_a_page_before_and_after_the_planner_knows_the_rows(database_url: str) -> None:
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        tell(database_url, history(21, moves=100))
        await grow(database, log, list(ALL.values()))
        with psycopg.connect(database_url, autocommit=True) as connection:
            fill(connection)
            assert await unordered(database, connection) == {}
            connection.execute("VACUUM ANALYZE")
            assert await unordered(database, connection) == {}


async def test_to_read_lines_no_more_chunks_are_sorted_than_a_page_has(database_url: str) -> None:
    async with Database.open(database_url) as database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE lines.first PARTITION OF lines.chunks DEFAULT")
            connection.execute("INSERT INTO lines.logs (log_id, writer, first_day) VALUES ('a', 1, '2026-01-01')")
            connection.execute(
                "INSERT INTO lines.chunks SELECT 'a', n, n, '2026-01-01', 9, '' FROM generate_series(1, 4000) AS n"
            )
            explaining = Explaining(database, connection)
            await LineStore(explaining).runs(LogId("a"), 10)
            assert max(explaining.sorted) <= 256
