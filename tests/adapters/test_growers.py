"""Growths whose pages other processes fold: what they make is the same, and no process outlives whoever started it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from adapters.bulk import Folder, Order
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.growths import Growth, Phase
from adapters.operations import Operations
from adapters.readmodels import growing, live
from domain.rejection import Conflict
from projections.catalogue import ALL
from services.growers import PROCESSES, grow
from tests.adapters.nats.servers import eventually
from tests.adapters.told import checkpoints, contents, tell
from tests.projections.histories import history

pytestmark = pytest.mark.anyio
MODELS = [ALL["audit_trail"], ALL["projects"]]
FACTS = history(9, moves=40)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.growing.FACTS_AT_ONCE", 25)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """With a told log and its live rows."""
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        tell(database_url, FACTS)
        await grow(database, log, MODELS)
        yield database


@pytest.fixture
async def log(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventLog]:
    """A log that is long enough for processes."""
    monkeypatch.setattr("services.growers.LONG", 0)
    async with EventLog.open(database) as log:
        yield log


def growers() -> list[int]:
    """The processes that grow for this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"services.growers" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def test_pages_that_several_processes_fold_give_the_same_rows(
    database_url: str, database: Database, log: EventLog
) -> None:
    lived, told, processes = contents(database_url, MODELS), list[Growth](), set[int]()

    def tell_of(growth: Growth) -> None:
        told.append(growth)
        processes.update(growers())

    await grow(database, log, MODELS, tell=tell_of)

    loaded = [growth.position for growth in told if growth.phase is Phase.LOADING]
    assert loaded == [*range(25, len(FACTS), 25), len(FACTS)]
    assert len(processes) == PROCESSES
    assert contents(database_url, MODELS) == lived
    assert set(checkpoints(database_url).values()) == {(len(FACTS), None)}
    assert growers() == []


async def test_a_process_that_is_killed_is_told_and_the_next_rebuild_goes_on(
    database_url: str, database: Database, log: EventLog
) -> None:
    lived = contents(database_url, MODELS)

    def kill(_: Growth) -> None:
        for pid in growers():
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(Conflict, match="was killed") as killed:
        await asyncio.wait_for(grow(database, log, MODELS, tell=kill), 20)
    assert killed.value.code == "killed"
    assert contents(database_url, MODELS) == lived
    reached, told = checkpoints(database_url)[growing("projects")][0], list[Growth]()
    assert 0 < reached < len(FACTS)

    await grow(database, log, MODELS, tell=told.append)
    assert {growth.began_position for growth in told if growth.model == "projects"} == {reached}
    assert contents(database_url, MODELS) == lived


async def test_processes_end_when_whoever_waits_for_them_goes(
    database_url: str, database: Database, log: EventLog
) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute(
            "SELECT FROM read_models.checkpoints WHERE generation = ANY(%s) FOR UPDATE",
            [[live(model.name) for model in MODELS]],
        )
        growth = asyncio.create_task(grow(database, log, MODELS))
        await eventually(lambda: _comparing(database), 30)
        assert len(growers()) == PROCESSES
        growth.cancel()
        with pytest.raises(asyncio.CancelledError):
            await growth
    assert growers() == []
    found = {one.model: one for one in await Operations(database).standings()}
    assert not any(found[model.name].under_way for model in MODELS)
    assert {one.growth.phase for model in MODELS if (one := found[model.name]).growth} == {Phase.CANCELLED}


async def _comparing(database: Database) -> bool:
    found = {one.model: one.growth for one in await Operations(database).standings()}
    return any((growth := found[model.name]) and growth.phase is Phase.COMPARING for model in MODELS)


async def test_a_fact_that_a_process_cannot_read_ends_the_page_before_it(
    database_url: str, database: Database, log: EventLog
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO log.events SELECT position + 1, stream, version + 1, 'project.of_tomorrow', '{}'"
            " FROM log.events ORDER BY position DESC LIMIT 1"
        )
    tell(database_url, [])
    await grow(database, log, MODELS)
    assert set(checkpoints(database_url).values()) == {(len(FACTS), None)}


async def test_a_page_is_folded_into_one_copy_a_table_or_plainly(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.bulk.COPY_FROM", 10)
    order = Order(positions={"audit_trail": 0, "projects": 7}, until=len(FACTS))
    with Folder.open(database.conninfo, MODELS) as folder:
        copied, few = folder.fold(order)
        plain, _ = folder.fold(Order(positions=order.positions, until=order.until, plain=True))
    assert [statement for statement, _ in copied.copies] == [
        b'COPY "read_audit_trail__next"."audit_trail" (' + _columns() + b") FROM STDIN (FORMAT BINARY)"
    ]
    assert (copied.statements, plain.copies, len(plain.statements)) == ([], [], 1)
    assert (few.former, few.position, few.copies) == (7, len(FACTS), [])


def _columns() -> bytes:
    columns = MODELS[0].tables[0].row.__struct_fields__
    return ", ".join(f'"{column}"' for column in columns).encode()
