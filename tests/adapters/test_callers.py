"""Who a caller is, is remembered no longer than it is true."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from adapters import callers
from adapters.callers import Callers
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.reading import PostgresReader, Progress
from bench.histories import write
from commands.account import RevokeApiToken, StartSession
from commands.command import Command
from commands.handling import Handler
from domain.history import Actor, Context
from domain.identifiers import AccountId, ApiTokenId, CausationId, RequestId, SessionId, TenantId, uuid7
from projections import credentials
from projections.credentials import TOKENS, TokenRow
from projections.reading import LARGEST_PAGE, Paging, Selection
from services.projector import Projector

pytestmark = pytest.mark.anyio


class Known:
    """How far the read models stand, as a process has heard it."""

    def __init__(self) -> None:
        self.known = 0


class Counting(PostgresReader):
    """Counts the look-ups."""

    asked = 0

    async def select(self, *of: Any) -> Any:
        self.asked += 1
        return await super().select(*of)


class Plane:
    """A log with its read models, and a process's callers over them."""

    def __init__(self, database: Database, log: EventLog, progress: Progress) -> None:
        self.log = log
        self.progress = progress
        self.reader = Counting(database)
        self.news = Known()
        self.callers = Callers(self.reader, database, self.news)

    async def tokens(self) -> list[TokenRow]:
        page = await self.reader.select(TOKENS, Selection(order_by="created_at"), Paging(size=LARGEST_PAGE))
        return list(page.rows)

    async def token(self, row: TokenRow) -> TokenRow:
        found = await credentials.token(self.callers, row.digest)
        assert found
        return found

    async def happens(self, command: Command, *, heard: bool = True) -> None:
        """The command is handled and projected, and the process hears of it, or not yet."""
        context = Context(
            tenant_id=TenantId("tenant"),
            actor=Actor(),
            correlation_id=RequestId("request"),
            causation_id=CausationId(uuid7()),
            at=datetime.now(UTC),
        )
        caused = await Handler(self.log).handle(command, context)
        assert await self.progress.passed(caused.position, 20)
        if heard:
            self.news.known = caused.position


@pytest.fixture
async def plane(database_url: str) -> AsyncIterator[Plane]:
    history = await write(database_url, 100, 2)
    async with (
        Database.open(database_url) as database,
        EventLog.open(database) as log,
        Progress.open(database) as progress,
    ):
        projecting = asyncio.create_task(Projector(database, log).run())
        plane = Plane(database, log, progress)
        assert await progress.passed(history.position, 20)
        plane.news.known = history.position
        yield plane
        projecting.cancel()
        await asyncio.wait([projecting])


def revocation(row: TokenRow) -> RevokeApiToken:
    return RevokeApiToken(account_id=AccountId(row.account_id), token_id=ApiTokenId(row.id))


async def test_a_caller_is_looked_up_once(plane: Plane) -> None:
    mine, _ = await plane.tokens()
    first = await plane.token(mine)
    asked = plane.reader.asked
    assert await plane.token(mine) == first
    assert plane.reader.asked == asked


async def test_a_revocation_holds_as_soon_as_it_can_be_read(plane: Plane) -> None:
    mine, other = await plane.tokens()
    assert (await plane.token(mine)).revoked_at is None
    await plane.token(other)
    await plane.happens(revocation(mine))
    assert (await plane.token(mine)).revoked_at
    asked = plane.reader.asked
    assert (await plane.token(other)).revoked_at is None
    assert plane.reader.asked == asked  # somebody else's facts cost nothing


async def test_a_caller_who_was_not_found_is_looked_for_again(plane: Plane) -> None:
    mine, _ = await plane.tokens()
    assert await credentials.session(plane.callers, "digest") is None
    session = SessionId(uuid7())
    start = StartSession(account_id=mine.account_id, session_id=session, digest="digest", expires_at=datetime.now(UTC))
    await plane.happens(start, heard=False)
    found = await credentials.session(plane.callers, "digest")
    assert found
    assert found.id == session


async def test_what_was_read_before_a_revocation_is_not_kept_after_it(plane: Plane) -> None:
    mine, _ = await plane.tokens()
    select = plane.reader.select

    async def overtaken(*of: Any) -> Any:
        row = await select(*of)
        await plane.happens(revocation(mine))
        plane.reader.select = select  # type: ignore[method-assign]  # once is enough
        await plane.token(mine)  # somebody else hears of it meanwhile
        return row

    plane.reader.select = overtaken  # type: ignore[method-assign]  # between the database's answer and ours
    await plane.token(mine)
    assert (await plane.token(mine)).revoked_at


@pytest.mark.parametrize("bound", ["MOST_FACTS", "LONGEST_SECONDS", "MOST_ROWS"])
async def test_all_are_forgotten_where_a_bound_is_reached(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    mine, other = await plane.tokens()
    await plane.token(mine)
    asked = plane.reader.asked
    monkeypatch.setattr(callers, bound, 0)
    plane.news.known += bound == "MOST_FACTS"
    await plane.token(other)
    await plane.token(mine)
    assert plane.reader.asked == asked + 2


async def test_to_see_who_changed_the_log_is_not_read_for_all_that_accounts_have_ever_done(database_url: str) -> None:
    await write(database_url, 100, 2)
    asked = callers.CHANGED.replace("%s", "$1", 1).replace("%s", "$2", 1)

    explain = f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {asked}".encode()

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan TO off")
        [(by_position,)] = connection.execute(explain).fetchall()
        connection.execute("ALTER TABLE log.events DROP CONSTRAINT events_pkey")  # so that another index must do
        [(otherwise,)] = connection.execute(explain).fetchall()

    assert "events_pkey" in str(by_position)
    assert "Index Cond" not in str(otherwise)
