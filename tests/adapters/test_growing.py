"""Growths: rows of a rebuild are the live ones, whatever happens to it, and nothing else takes their place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from adapters import bulk, growths, readmodels
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.growths import Growth, Phase
from adapters.leadership import take
from adapters.operations import Operations, Standing
from adapters.readmodels import growing, live
from domain.fact import tag_of
from domain.history import Recorded
from domain.rejection import Conflict, NotFound
from projections.catalogue import ALL
from projections.changes import Change, Put, ReadModel, Row, Table
from projections.projects import PROJECTS
from services.growers import grow
from services.growing import Stopped, clean
from services.operator import rebuild
from tests.adapters.nats.servers import eventually
from tests.adapters.told import checkpoints, contents, projecting, tell
from tests.projections.histories import history

pytestmark = pytest.mark.anyio
MODELS = list(ALL.values())
FACTS = history(7, moves=40)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.growing.FACTS_AT_ONCE", 20)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


@pytest.fixture
async def lived(database_url: str, database: Database, log: EventLog) -> dict[str, list[str]]:
    """The live rows of a log that was told."""
    tell(database_url, FACTS)
    await grow(database, log, MODELS)
    return contents(database_url)


async def standing(database: Database, model: str) -> Standing:
    return next(one for one in await Operations(database).standings() if one.model == model)


async def growth_of(database: Database, model: str) -> Growth:
    found = (await standing(database, model)).growth
    assert found is not None
    return found


async def interrupted(work: Callable[[Callable[[Growth], None]], Awaitable[None]], at: int) -> None:
    """``work``, cancelled as by Ctrl-C as soon as it tells that it has passed position ``at``."""

    def stop(growth: Growth) -> None:
        if growth.position >= at:
            task.cancel()

    task = asyncio.ensure_future(work(stop))
    with pytest.raises(asyncio.CancelledError):
        await task


def left_behind(url: str) -> list[str]:
    """The schemas of generations that are not live."""
    with psycopg.connect(url) as connection:
        query = "SELECT nspname FROM pg_namespace WHERE nspname ~ '__(next|old)$' ORDER BY 1"
        return [name for (name,) in connection.execute(query)]


async def test_a_rebuild_that_is_interrupted_leaves_the_live_rows_and_the_next_one_goes_on(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    await interrupted(lambda stop: rebuild(database, log, ALL, stop), at=60)
    assert contents(database_url) == lived
    assert (await growth_of(database, "deployments")).phase is Phase.CANCELLED
    reached, told = checkpoints(database_url)[growing("deployments")][0], list[Growth]()
    assert 60 <= reached < len(FACTS)

    await rebuild(database, log, ALL, told.append)

    assert told[0].began_position == reached
    assert contents(database_url) == lived
    assert set(checkpoints(database_url).values()) == {(len(FACTS), None)}
    assert left_behind(database_url) == []


async def test_a_rebuild_whose_connection_is_killed_can_be_done_again(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    def kill(growth: Growth) -> None:
        with psycopg.connect(database_url, autocommit=True) as killer:
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )

    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        await rebuild(database, log, ["deployments", "secrets"], kill)
    await eventually(lambda: _nobody_grows(database))
    assert contents(database_url) == lived
    await rebuild(database, log, ["deployments", "secrets"])
    assert contents(database_url) == lived


async def _nobody_grows(database: Database) -> bool:
    return not any(one.under_way for one in await Operations(database).standings())


@pytest.mark.parametrize("afresh", [True, False], ids=["when asked to", "after other code has grown it"])
async def test_a_rebuild_begins_anew(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]], afresh: bool
) -> None:
    await interrupted(lambda stop: rebuild(database, log, ["audit_trail"], stop), at=60)
    if not afresh:
        async with database.connection() as connection:
            await connection.execute("UPDATE read_models.growths SET code = 'of another version'")
    told = list[Growth]()
    await rebuild(database, log, ["audit_trail"], told.append, afresh=afresh)
    assert told[0].began_position == 0
    assert contents(database_url) == lived


async def test_what_a_growth_left_is_dropped_after_a_day(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    await interrupted(lambda stop: rebuild(database, log, ["audit_trail"], stop), at=20)
    await clean(database, MODELS)
    assert left_behind(database_url) == [growing("audit_trail")]
    async with database.connection() as connection:
        await connection.execute("UPDATE read_models.growths SET updated_at = updated_at - interval '25 hours'")
    await clean(database, MODELS)
    assert left_behind(database_url) == []
    assert set(checkpoints(database_url)) == {live(model.name) for model in MODELS}


async def test_a_rebuild_tells_how_far_it_is_here_and_in_the_database(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    told = list[Growth]()
    await rebuild(database, log, ["projects"], told.append)
    loading = [growth for growth in told if growth.phase is Phase.LOADING]
    assert [growth.position for growth in loading] == [*range(20, len(FACTS), 20), len(FACTS)]
    assert all(growth.head == len(FACTS) and growth.facts_per_second > 0 for growth in loading)
    assert loading[-1].seconds_left == 0
    ended = await growth_of(database, "projects")
    assert (ended.phase, ended.position, ended.differing) == (Phase.DONE, len(FACTS), 0)


async def test_a_growth_stops_when_somebody_cancels_it_from_elsewhere(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    operations, cancelling = Operations(database), list[asyncio.Task[list[str]]]()

    def cancel(growth: Growth) -> None:
        if not cancelling:
            cancelling.append(asyncio.ensure_future(operations.cancel(["projects"])))

    with pytest.raises(Stopped, match="projects"):
        await rebuild(database, log, ["projects", "secrets"], cancel)
    assert await cancelling[0] == ["projects"]
    assert (await growth_of(database, "projects")).phase is Phase.CANCELLED
    assert (await growth_of(database, "secrets")).phase is Phase.DONE
    assert contents(database_url) == lived


async def test_only_one_rebuild_of_a_read_model_goes_on_at_a_time(
    database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    async with await AsyncConnection.connect(database.conninfo, autocommit=True) as other:
        assert await take(other, "growth of projects")
        assert (await standing(database, "projects")).under_way
        with pytest.raises(Conflict, match=r"(?i)already"):
            await rebuild(database, log, ["projects"])
        with pytest.raises(Conflict, match=r"(?i)already"):
            await Operations(database).ask(["projects"])
        await rebuild(database, log, ["secrets"])
    with pytest.raises(NotFound, match="deployments"):
        await rebuild(database, log, ["nothing"])


async def test_rows_that_differ_are_told_and_take_no_place_until_they_are_accepted(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE read_projects.projects SET name = 'Not so', version = version + 1")
        connection.execute("DELETE FROM read_lines.logs WHERE log_id = (SELECT min(log_id) FROM read_lines.logs)")
    falsified = contents(database_url)

    with pytest.raises(Conflict, match="differ from the live ones"):
        await rebuild(database, log, ["projects", "lines", "secrets"])

    assert contents(database_url) == falsified
    projects, lines = await growth_of(database, "projects"), await growth_of(database, "lines")
    assert (projects.phase, projects.differing) == (Phase.DIFFERENT, len(lived["projects.projects"]))
    assert projects.differences[0].columns == ("name", "version")
    assert set(projects.differences[0].row) == {"id"}
    assert [(one.table, one.only) for one in lines.differences] == [("logs", "grown")]
    assert "Not so" not in str(projects)
    assert (await growth_of(database, "secrets")).phase is Phase.DONE

    await rebuild(database, log, ["projects", "lines"], accept=True)
    assert contents(database_url) == lived
    assert (await growth_of(database, "projects")).differing == len(lived["projects.projects"])


async def test_rows_are_compared_at_one_position_while_the_live_ones_move_on(
    database_url: str, database: Database, log: EventLog
) -> None:
    tell(database_url, FACTS[:40])

    async def happen() -> None:
        for recorded in FACTS[40:]:
            await asyncio.to_thread(tell, database_url, [recorded])

    async with projecting(database, log), asyncio.timeout(60):
        await eventually(lambda: _passed(database, 40))
        happening = asyncio.create_task(happen())
        for _ in range(3):
            await rebuild(database, log, ALL)
        await happening
        await eventually(lambda: _passed(database, len(FACTS)))
    projected = contents(database_url)
    await rebuild(database, log, ALL)
    assert contents(database_url) == projected


async def _passed(database: Database, position: int) -> bool:
    return all(one.position >= position for one in await Operations(database).standings())


def otherwise(model: ReadModel, tag: str, instead: Callable[[Recorded], Sequence[Change]]) -> ReadModel:
    """The read model, but for what it makes of one kind of fact."""
    return ReadModel(
        model.name,
        model.tables,
        lambda recorded: instead(recorded) if tag_of(recorded.fact) == tag else model.project(recorded),
    )


async def test_a_fact_that_one_read_model_cannot_take_fails_its_growth_alone(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    def burst(recorded: Recorded) -> Sequence[Change]:
        raise ZeroDivisionError(recorded.id)

    models = ALL | {"releases": otherwise(ALL["releases"], "release.cut", burst)}
    with pytest.raises(Exception, match=r"releases cannot take release\.cut at position"):
        await grow(database, log, list(models.values()))
    assert contents(database_url) == lived
    failed = await growth_of(database, "releases")
    assert failed.phase is Phase.FAILED
    assert "ZeroDivisionError" in str(failed.reason)
    assert (await growth_of(database, "deployments")).phase is Phase.DONE


async def test_a_read_model_that_had_stopped_takes_the_grown_rows_whatever_they_are(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    def renamed(recorded: Recorded) -> Sequence[Change]:
        [put] = ALL["projects"].project(recorded)
        assert isinstance(put, Put)
        return [Put(PROJECTS, replace(put.row, name="Mended"))]

    mended = otherwise(ALL["projects"], "project.created", renamed)
    async with database.connection() as connection:
        await readmodels.stop(connection, live("projects"), 7, "it broke")
    await grow(database, log, [mended])
    assert all("Mended" in row or "Store of" in row for row in contents(database_url)["projects.projects"])
    assert checkpoints(database_url)[live("projects")] == (len(FACTS), None)


class Note(Row):
    """A row whose text may be anything."""

    id: int
    text: str
    about: dict[str, str] | None


async def test_among_very_many_rows_one_that_cannot_be_copied_is_kept_as_the_live_ones_are(
    database_url: str, database: Database, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.growing.FACTS_AT_ONCE", 10_000)
    notes = Table("notes", Note, key=("id",))

    def project(recorded: Recorded) -> Sequence[Change]:
        text = "a\x00b" if recorded.position == 7 else "a\tb\\N"
        about = {"text": text} if recorded.position % 2 else None
        return [Put(notes, Note(id=recorded.position, text=text, about=about))]

    model = ReadModel("notes", [notes], project)
    facts = history(8, moves=90)
    assert len(facts) > bulk.COPY_FROM
    tell(database_url, facts)
    await grow(database, log, [model])
    rows = contents(database_url, [model])["notes.notes"]
    assert len(rows) == len(facts)
    assert rows[6] == '(7,a\ufffdb,"{""text"": ""a\ufffdb""}")'
    assert rows[7] == '(8,"a\tb\\\\N",)'


async def test_rows_that_stand_already_are_replaced_by_those_of_a_later_page(
    database_url: str, database: Database, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.bulk.COPY_FROM", 5)
    notes = Table("notes", Note, key=("id",))

    def project(recorded: Recorded) -> Sequence[Change]:
        return [Put(notes, Note(id=recorded.position % 20, text=f"{recorded.position}", about=None))]

    tell(database_url, FACTS)
    model = ReadModel("notes", [notes], project)
    await grow(database, log, [model])
    latest = {recorded.position % 20: recorded.position for recorded in FACTS}
    assert contents(database_url, [model])["notes.notes"] == [f"({at},{latest[at]},)" for at in sorted(latest)]


async def test_the_projectors_leader_grows_what_it_is_asked_for(
    database_url: str, database: Database, log: EventLog, lived: dict[str, list[str]]
) -> None:
    operations = Operations(database)
    await operations.ask(["projects", "lines"])
    assert (await growth_of(database, "projects")).phase is Phase.WANTED
    async with projecting(database, log):
        await eventually(lambda: _done(database, "projects"))
        await eventually(lambda: _done(database, "lines"))
        await eventually(lambda: _nobody_grows(database))
        await operations.ask(["projects"])
        await eventually(lambda: _done(database, "projects"))
    assert contents(database_url) == lived
    await operations.ask(["secrets"])
    assert await operations.cancel(["secrets", "projects"]) == ["secrets"]
    assert (await growth_of(database, "secrets")).phase is Phase.CANCELLED


async def _done(database: Database, model: str) -> bool:
    return (await growth_of(database, model)).phase is Phase.DONE


def test_the_code_that_makes_rows_has_a_digest() -> None:
    assert growths.code() == growths.code()
    assert len(growths.code()) == 64
