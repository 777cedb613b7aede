"""How far the read models have come, as those hear it who must read what they wrote."""

from collections.abc import AsyncIterator
from typing import LiteralString

import pytest

from adapters.database import PROJECTED, Database
from adapters.eventlog import EventLog
from adapters.reading import Progress
from adapters.readmodels import live
from projections.catalogue import ALL
from services.growers import grow
from tests.adapters.nats.servers import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """With empty read models, none of which anybody projects."""
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        await grow(database, log, list(ALL.values()))
        yield database


async def test_what_the_projector_tells_is_believed_without_a_look_while_all_read_models_stand_together(
    database: Database,
) -> None:
    async with Progress.open(database) as progress:
        await heard(database)
        await told(database, "4711")
        assert await progress.passed(4711, 0.5)
        assert not await progress.passed(4712, 0)


@pytest.mark.parametrize(
    "missing",
    [
        "UPDATE read_models.checkpoints SET position = 1 WHERE generation = %s",
        "DELETE FROM read_models.checkpoints WHERE generation = %s",
    ],
)
async def test_what_the_projector_tells_is_not_believed_while_a_read_model_stands_elsewhere(
    database: Database, missing: LiteralString
) -> None:
    await database.fetch("UPDATE read_models.checkpoints SET position = 5 RETURNING 1")
    await database.fetch(missing + " RETURNING 1", [live("secrets")])
    async with Progress.open(database) as progress:
        await heard(database)
        await told(database, "4711")
        assert not await progress.passed(2, 0.3)


async def test_progress_whose_notification_was_lost_is_seen_by_polling(database: Database) -> None:
    async with Progress.open(database) as progress:
        await heard(database)
        await database.fetch("UPDATE read_models.checkpoints SET position = 9 RETURNING 1")
        assert await progress.passed(9, 1.5)


async def test_a_look_is_taken_when_the_projector_says_so(database: Database) -> None:
    async with Progress.open(database) as progress:
        await heard(database)
        await database.fetch("UPDATE read_models.checkpoints SET position = 9 RETURNING 1")
        await told(database, "0")
        assert await progress.passed(9, 0.5)


async def heard(database: Database) -> None:
    """Wait until notifications are listened for."""

    async def listening() -> bool:
        return database.told(PROJECTED).looks > 0

    await eventually(listening)


async def told(database: Database, payload: str) -> None:
    await database.fetch("SELECT pg_notify(%s, %s)", [PROJECTED, payload])
