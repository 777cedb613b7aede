"""The database is laid out once, by whoever comes first, and found again after it was away."""

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGINT

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters import answering
from adapters.database import Database, Unavailable, UnsuitableDatabase, ensure_schema
from adapters.eventlog import EventLog
from tests.adapters.appends import append
from tests.adapters.postgres import PostgresServer, server
from tests.adapters.runtime.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    with server(tmp_path) as postgres:
        yield postgres


def test_any_number_of_processes_may_lay_out_the_database_at_once_and_again(database_url: str) -> None:
    with ThreadPoolExecutor(12) as threads:
        ways = {future.result() for future in [threads.submit(ensure_schema, database_url) for _ in range(12)]}

    assert ways == {ensure_schema(database_url)}


def test_an_older_layout_is_laid_out_anew_over_what_is_there(database_url: str) -> None:
    ensure_schema(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO log.events VALUES (1, 'thing', 1, 'tag', 'state')")
        connection.execute("COMMENT ON SCHEMA log IS 'an older one'; DROP VIEW log.audit")

    ensure_schema(database_url)

    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT position, fact FROM log.audit").fetchall() == [(1, None)]


async def test_the_application_works_under_a_role_that_cannot_change_the_past(database_url: str) -> None:
    async with Database.open(database_url) as database:
        assert await database.fetch("SELECT current_user") == [("shipbook_app",)]


async def test_where_no_role_can_be_made_the_triggers_keep_the_past_alone(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE tenant LOGIN")
        connection.execute("CREATE DATABASE theirs OWNER tenant")
    url = make_conninfo(**{**conninfo_to_dict(postgres.url), "user": "tenant", "dbname": "theirs"})

    async with Database.open(url) as database, EventLog.open(database) as log:
        assert await database.fetch("SELECT current_user") == [("tenant",)]
        await log.append(append("workspace-1", 0))
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            await database.fetch("DELETE FROM log.events")


def test_a_user_who_may_not_lay_out_the_database_hears_how_to_mend_it(postgres_url: str, database_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")

    with pytest.raises(UnsuitableDatabase, match=r"ALTER DATABASE .* OWNER TO"):
        ensure_schema(make_conninfo(database_url, user="guest"))


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        ensure_schema(f"postgresql://shipbook@/shipbook?host={tmp_path}")


async def test_reading_and_bells_go_on_after_the_server_was_restarted(postgres: PostgresServer) -> None:
    async with Database.open(postgres.url) as database, EventLog.open(database) as log:
        with database.bell() as bell:
            await bell.wait(5)
            await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.1)") for _ in range(4)))  # connections in the pool
            await asyncio.to_thread(postgres.stop, SIGINT)
            await asyncio.to_thread(postgres.start)

            answers = await asyncio.gather(*(database.answer("SELECT 1", []) for _ in range(8)))

            assert answers == [[b"1"]] * 8
            assert await database.fetch("SELECT 1") == [(1,)]
            assert await bell.wait(10)  # news may have come meanwhile
            await log.append(append("workspace-1", 0))
            assert await bell.wait(5)


async def test_an_answer_is_the_one_row_as_texts_whatever_was_given(database_url: str) -> None:
    given = ["it's", 7, True, datetime(2026, 1, 2, tzinfo=UTC), ["a", 'b"']]

    async with Database.open(database_url, connections=1) as database:
        for _ in range(3):  # made ready, and then asked again
            said = await database.answer(
                "SELECT %s::text, %s::int8, %s::bool, %s::timestamptz, %s::text[], NULL", given
            )
            assert said == [b"it's", b"7", b"t", b"2026-01-02 00:00:00+00", b'{a,"b\\""}', None]


async def test_answers_go_on_where_a_connection_prepares_no_more_statements(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "_MOST_PREPARED", 1)

    async with Database.open(database_url, connections=1) as database:
        answers = [await database.answer(query, [2]) for query in ("SELECT %s::int8", "SELECT 1 + %s::int8") * 2]

    assert answers == [[b"2"], [b"3"]] * 2


async def test_a_statement_that_fails_leaves_its_connection_to_others(database_url: str) -> None:
    async with Database.open(database_url, connections=1) as database:
        for divisor, problem in [(0, errors.DivisionByZero), ("much", errors.InvalidTextRepresentation)] * 2:
            with pytest.raises(problem):
                await database.answer("SELECT 1 / %s::int8", [divisor])
        with pytest.raises(errors.UndefinedTable):
            await database.answer("SELECT nothing FROM nowhere", [])

        assert await database.answer("SELECT 1 / %s::int8", [1]) == [b"1"]


async def test_who_leaves_before_the_answer_leaves_no_work_behind(database_url: str) -> None:
    async with Database.open(database_url, connections=1) as database:

        def sleeps() -> bool:
            active = "SELECT FROM pg_stat_activity WHERE starts_with(query, 'SELECT pg_sleep') AND state = 'active'"
            with psycopg.connect(database_url) as connection:
                return connection.execute(active).fetchone() is not None

        asking = asyncio.create_task(database.answer("SELECT pg_sleep(%s)", [60]))
        await until(sleeps)
        asking.cancel()
        await asyncio.wait([asking])

        assert asking.cancelled()
        assert await database.answer("SELECT 1", []) == [b"1"]
        assert not sleeps()


def test_the_layout_says_how_a_column_is_stored_as_the_oldest_postgres_takes_it() -> None:
    """``CREATE TABLE … STORAGE`` came with PostgreSQL 16; ``ALTER TABLE … SET STORAGE`` is older than 15."""
    files = sorted((Path(__file__).parents[2] / "infra" / "postgres").glob("*.sql"))

    assert files
    for file in files:
        for created in re.findall(r"CREATE TABLE.*?;", file.read_text(), re.DOTALL):
            assert "STORAGE" not in created, file
