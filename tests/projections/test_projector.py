"""The projector: keeps up with the log, alone among many, and no fault of one read model is another's."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec import defstruct
from psycopg import sql

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.reading import Progress
from adapters.readmodels import live
from domain.fact import tag_of
from domain.history import Recorded
from projections.catalogue import ALL
from projections.changes import Change, Put, ReadModel, Row, Table
from services.growers import grow
from services.operator import rebuild
from tests.adapters.nats.servers import eventually
from tests.adapters.postgres import server
from tests.adapters.told import checkpoints, contents, projecting, tell
from tests.projections.histories import history

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


async def passed(database: Database, position: int, models: dict[str, ReadModel] | None = None) -> None:
    """Wait until the read models have passed the position."""
    async with Progress.open(database, models or ALL) as progress:
        assert await progress.passed(position, 20)


async def test_what_happens_can_be_looked_up_at_once(database_url: str, database: Database, log: EventLog) -> None:
    facts = history(11)
    async with projecting(database, log), Progress.open(database) as progress:
        tell(database_url, facts[:60])
        assert await progress.passed(60, 20)
        tell(database_url, facts[60:])
        assert await progress.passed(len(facts), 20)
        assert progress.known == len(facts)
        assert not await progress.passed(len(facts) + 1, 0.01)
    projected = contents(database_url)
    await rebuild(database, log, ALL)
    assert contents(database_url) == projected


async def test_of_many_projectors_one_works_and_another_takes_over(
    database_url: str, database: Database, log: EventLog
) -> None:
    facts = history(12)
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(projecting(database, log)) for _ in range(3)]
        tell(database_url, facts[:50])
        await passed(database, 50)
        for worker in workers[:2]:
            worker.cancel()
            await asyncio.wait([worker])
        tell(database_url, facts[50:])
        await passed(database, len(facts))
    assert len(contents(database_url)["audit_trail.audit_trail"]) == len(facts)


def poisoned(model: ReadModel, tag: str) -> ReadModel:
    """The read model, which cannot take one kind of fact."""

    def project(recorded: Recorded) -> Sequence[Change]:
        if tag_of(recorded.fact) == tag:
            raise ZeroDivisionError(tag)
        return model.project(recorded)

    return ReadModel(model.name, model.tables, project)


async def test_a_fact_that_one_read_model_cannot_take_stops_that_one_alone(
    database_url: str, database: Database, log: EventLog
) -> None:
    facts = history(13, moves=60)
    poison = next(one.position for one in facts if tag_of(one.fact) == "release.cut")
    models = ALL | {"releases": poisoned(ALL["releases"], "release.cut")}
    await grow(database, log, list(models.values()))
    async with projecting(database, log, models):
        tell(database_url, facts)
        await passed(database, len(facts))
    reached = checkpoints(database_url)
    assert reached.pop(live("releases")) == (poison - 1, poison)
    assert set(reached.values()) == {(len(facts), None)}


async def test_a_read_model_that_gave_up_is_grown_again_by_the_next_leader(
    database_url: str, database: Database, log: EventLog
) -> None:
    facts = history(13, moves=60)
    tell(database_url, facts)
    models = ALL | {"releases": poisoned(ALL["releases"], "release.cut")}
    async with projecting(database, log, models):
        others = {name: model for name, model in ALL.items() if name != "releases"}
        await passed(database, len(facts), others)
    async with projecting(database, log):
        await eventually(lambda: asyncio.to_thread(_is_at, database_url, "releases", len(facts)))
    assert len(contents(database_url)["releases.releases"]) > 0


def _is_at(url: str, model: str, position: int) -> bool:
    return checkpoints(url).get(live(model)) == (position, None)


class Wrong(Row):
    """A row that holds what its column cannot."""

    id: str
    size: int


async def test_a_row_that_the_database_refuses_stops_its_read_model_alone(
    database_url: str, database: Database, log: EventLog
) -> None:
    wrongs = Table("wrongs", Wrong, key=("id",))

    def project(recorded: Recorded) -> Sequence[Change]:
        return [Put(wrongs, Wrong(id=str(recorded.position), size=2**70 if recorded.position == 7 else 1))]

    facts = history(14)
    models = ALL | {"wrongs": ReadModel("wrongs", [wrongs], project)}
    await grow(database, log, list(models.values()))
    async with projecting(database, log, models):
        tell(database_url, facts)
        await passed(database, len(facts), models)
    assert checkpoints(database_url)[live("wrongs")] == (6, 7)
    assert len(contents(database_url, [models["wrongs"]])["wrongs.wrongs"]) == 6


async def test_a_read_model_whose_rows_have_another_shape_is_grown_again(
    database_url: str, database: Database, log: EventLog
) -> None:
    facts = history(15)
    tell(database_url, facts)
    for names in (["position", "tag"], ["position", "tag", "version"]):
        model = _shaped(names)
        async with projecting(database, log, {"shapes": model}):
            await eventually(lambda: asyncio.to_thread(_has_columns, database_url, names))  # noqa: B023
            await passed(database, len(facts), {"shapes": model})
        assert len(contents(database_url, [model])["shapes.shapes"]) == len(facts)


def _shaped(names: list[str]) -> ReadModel:
    types: dict[str, Any] = {"position": int, "tag": str, "version": int}
    row = defstruct("Shape", [(name, types[name]) for name in names], bases=(Row,), kw_only=True)
    table: Table[Any] = Table("shapes", row, key=("position",))

    def project(recorded: Recorded) -> Sequence[Change]:
        values = {"position": recorded.position, "tag": tag_of(recorded.fact), "version": recorded.version}
        return [Put(table, row(**{name: values[name] for name in names}))]

    return ReadModel("shapes", [table], project)


def _has_columns(url: str, names: list[str]) -> bool:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum"
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute(query, [f"{live('shapes')}.shapes"])] == names


async def test_projecting_goes_on_after_the_database_was_restarted(tmp_path: Path) -> None:
    facts = history(16)
    with server(tmp_path) as postgres:
        async with Database.open(postgres.url) as database, EventLog.open(database) as log, projecting(database, log):
            tell(postgres.url, facts[:40])
            await passed(database, 40)
            await asyncio.to_thread(postgres.stop)
            await asyncio.to_thread(postgres.start)
            tell(postgres.url, facts[40:])
            await passed(database, len(facts))
        assert len(contents(postgres.url)["audit_trail.audit_trail"]) == len(facts)


async def test_an_unreadable_fact_holds_up_what_is_behind_it_but_nothing_before(
    database_url: str, database: Database, log: EventLog
) -> None:
    facts = history(17)
    async with projecting(database, log):
        with psycopg.connect(database_url) as connection:
            tell(database_url, facts[:30])
            connection.execute(
                sql.SQL("INSERT INTO log.events VALUES (31, 'future-1', 1, 'future.happened', {})").format(b"{}")
            )
            connection.execute("SELECT pg_notify('events', '')")
        await passed(database, 30)
        async with Progress.open(database) as progress:
            assert not await progress.passed(31, 0.5)
