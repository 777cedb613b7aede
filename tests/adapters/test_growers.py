"""Growths in processes of their own: what they make is the same, and no process outlives whoever started it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.growths import Growth, Phase
from adapters.operations import Operations
from adapters.readmodels import live
from domain.rejection import Conflict
from projections.catalogue import ALL
from services import growing
from services.growers import grow
from tests.adapters.nats.servers import eventually
from tests.adapters.told import checkpoints, contents, tell
from tests.projections.histories import history

pytestmark = pytest.mark.anyio
MODELS = [ALL["audit_trail"], ALL["projects"]]
"""One for each of the two processes."""
FACTS = history(9, moves=10)


@pytest.fixture(autouse=True)
def _every_log_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.growers.LONG", 0)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """With a told log and its live rows."""
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        tell(database_url, FACTS)
        await growing.grow(database, log, MODELS)
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


def growers() -> list[int]:
    """The processes that grow for this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"services.growers" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def test_two_processes_grow_the_same_rows_and_tell_how_far_they_are(
    database_url: str, database: Database, log: EventLog
) -> None:
    lived, told = contents(database_url, MODELS), list[Growth]()

    await grow(database, log, MODELS, tell=told.append)

    assert {growth.model for growth in told} == {"audit_trail", "projects"}
    assert {growth.phase for growth in told} == {Phase.LOADING, Phase.INDEXING, Phase.COMPARING}
    assert contents(database_url, MODELS) == lived
    assert set(checkpoints(database_url).values()) == {(len(FACTS), None)}
    assert growers() == []


async def test_rows_that_differ_are_refused_from_a_process_and_accepted_by_one(
    database_url: str, database: Database, log: EventLog
) -> None:
    lived = contents(database_url, MODELS)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE read_projects.projects SET name = 'Not so'")

    with pytest.raises(Conflict, match="projects differ from the live ones") as refused:
        await grow(database, log, MODELS)
    assert refused.value.code == "different"

    await grow(database, log, MODELS, accept=True)
    assert contents(database_url, MODELS) == lived


async def test_a_process_that_is_killed_is_told_and_the_next_rebuild_goes_on(
    database_url: str, database: Database, log: EventLog
) -> None:
    lived = contents(database_url, MODELS)
    with psycopg.connect(database_url) as holder:
        growth = await _held(database, log, holder)
        assert len(growers()) == 2
        for pid in growers():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(Conflict, match="was killed") as killed:
            await asyncio.wait_for(growth, 20)
        assert killed.value.code == "killed"
    assert contents(database_url, MODELS) == lived
    await eventually(lambda: _nobody_grows(database))
    told = list[Growth]()
    await grow(database, log, MODELS, tell=told.append)
    assert {growth.began_position for growth in told if growth.model == "projects"} == {len(FACTS)}
    assert contents(database_url, MODELS) == lived


async def test_processes_end_with_their_input_when_whoever_waits_for_them_goes(
    database_url: str, database: Database, log: EventLog
) -> None:
    with psycopg.connect(database_url) as holder:
        growth = await _held(database, log, holder)
        growth.cancel()
        with pytest.raises(asyncio.CancelledError):
            await growth
    assert growers() == []
    found = {one.model: one for one in await Operations(database).standings()}
    assert not any(found[model.name].under_way for model in MODELS)
    assert {one.growth.phase for model in MODELS if (one := found[model.name]).growth} == {Phase.CANCELLED}


async def _held(database: Database, log: EventLog, holder: psycopg.Connection) -> asyncio.Task[None]:
    """A growth whose processes wait for the live rows' checkpoints."""
    holder.execute(
        "SELECT FROM read_models.checkpoints WHERE generation = ANY(%s) FOR UPDATE",
        [[live(model.name) for model in MODELS]],
    )
    growth = asyncio.create_task(grow(database, log, MODELS))
    await eventually(lambda: _comparing(database))
    return growth


async def _comparing(database: Database) -> bool:
    found = {one.model: one.growth for one in await Operations(database).standings()}
    return all((growth := found[model.name]) and growth.phase is Phase.COMPARING for model in MODELS)


async def _nobody_grows(database: Database) -> bool:
    return not any(one.under_way for one in await Operations(database).standings())
