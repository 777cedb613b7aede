"""Who is shown as working does work: whoever ends, hangs or dies is not shown, and whoever lives is shown again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest
from psycopg import AsyncConnection

from adapters.cancelling import ended
from adapters.database import Database
from domain.identifiers import ExecutorId, uuid7
from services import presence
from services.presence import Presence
from tests.adapters.nats.servers import eventually

pytestmark = pytest.mark.anyio
EXECUTOR = ExecutorId(uuid7())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@asynccontextmanager
async def present(database: Database) -> AsyncIterator[Presence]:
    """A process's presence; the process dies with the context."""
    shown = Presence(database)
    showing = asyncio.create_task(shown.run())
    try:
        yield shown
    finally:
        await ended(showing)


async def comes_to_be(shown: bool, database: Database) -> None:
    """Wait until others see the executor at work, or no longer."""

    async def so_it_is() -> bool:
        return await Presence(database).of(EXECUTOR) is shown

    await eventually(so_it_is)


async def break_it(database_url: str) -> None:
    """End the connections that hold locks."""
    async with await AsyncConnection.connect(database_url) as connection:
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")


async def test_an_executor_is_shown_to_all_while_it_works(database: Database) -> None:
    async with present(database) as ours:
        with ours.working(EXECUTOR), ours.working(ExecutorId(uuid7())):
            await comes_to_be(True, database)
        await comes_to_be(False, database)


async def test_an_executor_that_dies_is_shown_no_longer(database: Database) -> None:
    with ExitStack() as never_left:
        async with present(database) as ours:
            never_left.enter_context(ours.working(EXECUTOR))
            await comes_to_be(True, database)
        await comes_to_be(False, database)


async def test_an_executor_that_hangs_is_shown_no_longer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "SIGN_SECONDS", 60.0)
    monkeypatch.setattr(presence, "SILENT_SECONDS", 1)
    async with present(database) as ours:
        with ours.working(EXECUTOR):
            await comes_to_be(True, database)
            await comes_to_be(False, database)


async def test_an_executor_that_works_on_is_shown_again_after_its_connection_broke(
    database: Database, database_url: str
) -> None:
    async with present(database) as ours:
        with ours.working(EXECUTOR):
            await comes_to_be(True, database)
            await break_it(database_url)
            await comes_to_be(False, database)
            await comes_to_be(True, database)
