"""Read models in PostgreSQL: every fact counts once, whatever happens, and generations change without a gap."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from adapters import bulk, readmodels
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.folding import Folding, fold
from adapters.reading import PostgresReader
from adapters.readmodels import Overtaken, live
from adapters.tables import fingerprint, without_nul
from domain.history import Recorded
from projections.audit_trail import AUDIT_TRAIL
from projections.catalogue import ALL
from projections.changes import ReadModel, Row, Table
from projections.reading import Selection
from services.growers import grow
from services.operator import lag, rebuild
from tests.adapters.nats.servers import eventually
from tests.adapters.told import checkpoints, contents, projecting, tell
from tests.projections.histories import histories, history

pytestmark = pytest.mark.anyio
MODELS = list(ALL.values())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


@pytest.fixture
async def connection(database: Database, log: EventLog) -> AsyncIterator[AsyncConnection]:
    """A connection to empty live generations of all read models."""
    await grow(database, log, MODELS)
    async with await AsyncConnection.connect(database.conninfo, autocommit=True) as connection:
        yield connection


async def deliver(
    connection: AsyncConnection, facts: Sequence[Recorded], position: int = 0, models: Sequence[ReadModel] = MODELS
) -> None:
    foldings = [Folding(model, position) for model in models]
    fold(foldings, facts)
    await readmodels.apply(connection, foldings, facts[-1].position)


async def test_a_page_that_is_delivered_twice_counts_once(database_url: str, connection: AsyncConnection) -> None:
    facts = history(1)
    await deliver(connection, facts[:50])
    once = contents(database_url)
    with pytest.raises(Overtaken):
        await deliver(connection, facts[:50])
    assert contents(database_url) == once
    assert set(checkpoints(database_url).values()) == {(50, None)}


async def test_pages_that_overlap_count_each_fact_once(
    database_url: str, database: Database, log: EventLog, connection: AsyncConnection
) -> None:
    facts = history(2)
    tell(database_url, facts)
    await deliver(connection, facts[:40])
    await deliver(connection, facts[10:60], 40)
    await deliver(connection, facts, 60)
    delivered = contents(database_url)
    await rebuild(database, log, ALL)
    assert contents(database_url) == delivered


async def test_two_who_deliver_the_same_page_at_once_make_it_count_once(
    database_url: str, database: Database, connection: AsyncConnection
) -> None:
    facts = history(3)
    async with await AsyncConnection.connect(database.conninfo, autocommit=True) as other:
        answers = await asyncio.gather(deliver(connection, facts), deliver(other, facts), return_exceptions=True)
    assert {type(answer) for answer in answers} == {type(None), Overtaken}
    assert len(contents(database_url)["audit_trail.audit_trail"]) == len(facts)


async def test_a_delivery_that_is_killed_half_way_has_not_happened(
    database_url: str, database: Database, connection: AsyncConnection
) -> None:
    facts = history(4)
    before = contents(database_url)
    secrets = Folding(ALL["secrets"], 0)
    fold([secrets], facts)
    with psycopg.connect(database_url) as obstacle:
        for change, rows in secrets.statements(live("secrets")):
            obstacle.execute(change, [rows])  # rows of the last table, so all others are changed by then
        delivery = asyncio.create_task(deliver(connection, facts))
        await _somebody_waits(database_url)
        obstacle.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            await delivery
        obstacle.rollback()
    assert contents(database_url) == before
    async with await AsyncConnection.connect(database.conninfo, autocommit=True) as another:
        await deliver(another, facts)
    assert set(checkpoints(database_url).values()) == {(len(facts), None)}


async def _somebody_waits(url: str) -> None:
    waits = "SELECT FROM pg_locks WHERE NOT granted"
    async with await AsyncConnection.connect(url, autocommit=True) as connection:

        async def waiting() -> bool:
            return (await connection.execute(waits)).rowcount > 0

        await eventually(waiting)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=histories(), page=st.integers(1, 60))
async def test_rebuilt_rows_are_byte_for_byte_the_live_ones(
    database_url: str, facts: list[Recorded], page: int
) -> None:
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        await _forget(database_url)
        await grow(database, log, MODELS)
        tell(database_url, facts)
        async with await AsyncConnection.connect(database.conninfo, autocommit=True) as connection:
            for start in range(0, len(facts), page):
                await deliver(connection, facts[start : start + page], start)
        lived = contents(database_url)
        await rebuild(database, log, ALL)
        assert contents(database_url) == lived
        assert set(checkpoints(database_url).values()) == {(len(facts), None)}


async def _forget(url: str) -> None:
    """Empty the log, as no application can."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER append_only")
        connection.execute("TRUNCATE log.events")
        connection.execute("DROP SCHEMA IF EXISTS read_models CASCADE")
        for model in MODELS:
            connection.execute(f"DROP SCHEMA IF EXISTS {live(model.name)} CASCADE".encode())


async def test_very_many_facts_are_copied_and_give_the_same_rows(
    database_url: str, database: Database, log: EventLog, connection: AsyncConnection
) -> None:
    facts = history(5, moves=150)
    tell(database_url, facts)
    await deliver(connection, facts)
    delivered = contents(database_url)
    assert len(delivered["audit_trail.audit_trail"]) > 2 * bulk.COPY_FROM
    await rebuild(database, log, ALL)
    assert contents(database_url) == delivered


@given(st.text("\x00\\u0ab", max_size=12))
def test_a_null_character_is_replaced_and_what_only_looks_like_one_is_not(text: str) -> None:
    assert msgspec.json.decode(without_nul(msgspec.json.encode(text))) == text.replace("\x00", "\ufffd")


async def test_readers_see_no_gap_and_no_step_back_while_generations_change(
    database_url: str, database: Database, log: EventLog, connection: AsyncConnection
) -> None:
    facts = history(6, moves=40)
    reader, seen = PostgresReader(database), [0]

    async def read() -> None:
        while seen[-1] < len(facts):
            seen.append(await reader.count(AUDIT_TRAIL, Selection(order_by="position")))

    async def happen() -> None:
        for recorded in facts:
            await asyncio.to_thread(tell, database_url, [recorded])

    async with projecting(database, log), asyncio.timeout(60):
        happening, reading = asyncio.create_task(happen()), asyncio.create_task(read())
        for _ in range(4):
            await rebuild(database, log, ["audit_trail"])
        await asyncio.gather(happening, reading)
    assert seen == sorted(seen)
    assert len(contents(database_url)["audit_trail.audit_trail"]) == len(facts)


async def test_a_change_that_was_planned_before_generations_change_is_made_in_the_new_one(
    database_url: str, connection: AsyncConnection
) -> None:
    """Its plan would name the former tables until the swap is known everywhere, a moment after it can be seen."""
    folding = Folding(ALL["audit_trail"], 0)
    fold([folding], history(8)[:10])
    [(change, rows)] = folding.statements(live("audit_trail"))
    await readmodels.begin(connection, ALL["audit_trail"])

    async with await AsyncConnection.connect(database_url, autocommit=True) as other:
        async with connection.transaction():
            await readmodels.hold(connection, ALL["audit_trail"])
            changing = asyncio.create_task(other.execute(change, [rows]))
            await eventually(lambda: _waits_or_has_ended(connection, changing))
            await readmodels.replace(connection, ALL["audit_trail"])
        await changing

    assert len(contents(database_url)["audit_trail.audit_trail"]) == 10


async def _waits_or_has_ended(connection: AsyncConnection, task: asyncio.Task[object]) -> bool:
    waiting = await connection.execute("SELECT FROM pg_locks WHERE locktype = 'relation' AND NOT granted")
    return task.done() or waiting.rowcount > 0


async def test_the_lag_of_every_read_model_is_told(
    database_url: str, database: Database, log: EventLog, connection: AsyncConnection
) -> None:
    facts = history(10)
    tell(database_url, facts)
    await deliver(connection, facts[:10], models=[ALL["projects"]])
    await readmodels.stop(connection, live("secrets"), 7, "it broke")
    found = {one.model: one for one in await lag(database)}
    assert set(found) == set(ALL)
    assert (found["projects"].position, found["projects"].behind) == (10, len(facts) - 10)
    assert (found["secrets"].stopped_at, found["secrets"].reason) == (7, "it broke")


def test_prose_may_change_and_rows_stay_good_but_a_column_may_not() -> None:
    class Thing(Row):
        """One sentence."""

        id: str

    class Same(Row):
        """Another sentence."""

        id: str

    class Other(Row):
        """One sentence."""

        id: str
        size: int

    prints = [fingerprint(_model(row)) for row in (Thing, Same, Other)]
    assert prints[0] == prints[1] != prints[2]


def _model(row: type[Row]) -> ReadModel:
    row.__name__ = "Thing"
    return ReadModel("things", [Table("things", row, key=("id",))], lambda _: [])
