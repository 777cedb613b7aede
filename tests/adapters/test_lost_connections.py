"""Appends whose connection was lost: what became of them is read back, and nobody is told what may not be true."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest

from adapters.admission import Answer, Submission
from adapters.committing import Committer
from adapters.database import Database, Unavailable
from adapters.eventlog import EventLog
from adapters.mapping import Mapper
from commands.ports import VersionConflict
from domain.fact import Fact
from domain.identifiers import StreamName
from tests.adapters.appends import append, labelled, named

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


class Severed(Committer):
    """A committer that loses its connection, before or after its first commit, without hearing what became of it."""

    to_sever = True
    after_commit = False

    async def _commit(self, batch: Sequence[Submission]) -> list[Answer]:
        if not self.to_sever:
            return await super()._commit(batch)
        self.to_sever = False
        if self.after_commit:
            await super()._commit(batch)
        connection = self._connection or await psycopg.AsyncConnection.connect(self._conninfo)
        self._connection = connection
        await connection.close()
        raise psycopg.OperationalError("the connection was severed")


@asynccontextmanager
async def severed(database: Database, *, after_commit: bool) -> AsyncIterator[EventLog]:
    async with Severed.open(database.conninfo) as committer:
        committer.after_commit = after_commit
        yield EventLog(database, committer, Mapper(), patience=5)


@pytest.mark.parametrize("after_commit", [True, False])
@pytest.mark.parametrize("facts", [(named(), named()), (labelled("blog"), named())])
async def test_an_append_whose_commit_was_not_heard_of_is_recorded_once(
    database: Database, facts: tuple[Fact, ...], after_commit: bool
) -> None:
    async with severed(database, after_commit=after_commit) as log:
        recorded = await log.append(append("project-1", 0, *facts))

    assert [fact.position for fact in recorded] == [1, 2]
    assert await log.read(StreamName("project-1")) == recorded
    assert await log.head() == 2


async def test_nobody_is_told_of_a_refusal_who_may_still_be_recorded(database: Database) -> None:
    async with EventLog.open(database) as another:
        await another.append(append("project-2", 0, labelled("blog")))

    async with severed(database, after_commit=False) as log:
        with pytest.raises(Unavailable):
            await log.append(append("project-1", 0, labelled("blog")))


async def test_another_writers_facts_are_not_taken_for_those_that_were_not_heard_of(database: Database) -> None:
    async with EventLog.open(database) as another:
        await another.append(append("workspace-1", 0))

    async with severed(database, after_commit=False) as log:
        with pytest.raises(VersionConflict):
            await log.append(append("workspace-1", 0))

    assert await log.head() == 1
