"""The log: every fact once, in its place, for ever; each caller with an answer of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import psycopg
import pytest
from psycopg import errors

from adapters.database import Database, Unavailable
from adapters.eventlog import EventLog
from adapters.mapping import Mapper, UnreadableFact
from commands.ports import Append, RequestReused, VersionConflict
from domain.history import Recorded
from domain.identifiers import CausationId, StreamName
from domain.rejection import NameTaken
from domain.workspace import WorkspaceCreated
from tests.adapters.appends import (
    TENANT,
    append,
    connected,
    context,
    disconnected,
    labelled,
    named,
    relabelled,
    secret_removed,
    secret_set,
)
from tests.adapters.nats.servers import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    async with EventLog.open(database) as log:
        yield log


async def in_one_batch(
    database_url: str, log: EventLog, *appends: Append
) -> Sequence[Sequence[Recorded] | BaseException]:
    """The answers to appends that the committer takes up together, in this order."""
    with psycopg.connect(database_url) as other:
        other.execute("SELECT log.take_turn()")
        first = asyncio.create_task(log.append(append("first-1", 0)))
        waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await eventually(lambda: asyncio.to_thread(lambda: other.execute(waits).rowcount))
        waiting = asyncio.gather(*map(log.append, appends), return_exceptions=True)
        await asyncio.sleep(0)  # they queue up
        other.rollback()
        await first
        return await waiting


async def test_facts_come_back_as_they_were_recorded_each_in_its_place(log: EventLog) -> None:
    given = append("workspace-1", 0, named("one"), named("two"))
    other = append("workspace-2", 0, named("three"))

    recorded = [*await log.append(given), *await log.append(other)]

    assert [(fact.position, fact.stream, fact.version) for fact in recorded] == [
        (1, "workspace-1", 1),
        (2, "workspace-1", 2),
        (3, "workspace-2", 1),
    ]
    assert [fact.fact for fact in recorded] == [named("one"), named("two"), named("three")]
    assert await log.read(StreamName("workspace-1")) == recorded[:2]
    assert await log.notifications(after=0, limit=10) == recorded
    assert await log.notifications(after=1, limit=1) == recorded[1:2]
    assert await log.head() == 3


async def test_an_empty_log_has_nothing_and_stands_at_zero(log: EventLog) -> None:
    assert await log.read(StreamName("workspace-1")) == []
    assert await log.notifications(after=0, limit=10) == []
    assert await log.head() == 0
    assert await log.request(CausationId("none")) is None


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_an_append_at_another_version_than_the_stream_has_is_a_conflict(log: EventLog, version: int) -> None:
    await log.append(append("workspace-1", 0, named(), named()))

    with pytest.raises(VersionConflict):
        await log.append(append("workspace-1", version))

    assert await log.head() == 2


async def test_a_conflict_fails_nobody_else_of_its_batch(database_url: str, log: EventLog) -> None:
    answers = await in_one_batch(
        database_url,
        log,
        append("workspace-1", 0),
        append("workspace-1", 0),
        append("project-1", 0, labelled("blog")),
        append("project-2", 0, labelled("blog")),
        append("workspace-1", 1),
        append("workspace-2", 0, causation_id="cause", fingerprint="a"),
        append("workspace-3", 0, causation_id="cause", fingerprint="b"),
    )

    assert [type(answer) for answer in answers] == [
        list,
        VersionConflict,
        list,
        NameTaken,
        list,
        list,
        RequestReused,
    ]
    assert [fact.position for answer in answers if isinstance(answer, list) for fact in answer] == [2, 3, 4, 5]
    assert await log.head() == 5


async def test_what_the_database_cannot_hold_fails_its_own_caller_alone(database_url: str, log: EventLog) -> None:
    before, poisoned, after = await in_one_batch(
        database_url, log, append("workspace-1", 0), append("work\0space", 0), append("workspace-2", 0)
    )

    assert isinstance(before, list)
    assert isinstance(poisoned, psycopg.DataError)
    assert isinstance(after, list)
    assert await log.head() == 3


async def test_a_name_is_held_by_one_stream_until_it_is_given_back(log: EventLog) -> None:
    await log.append(append("repository-1", 0, connected("main")))
    with pytest.raises(NameTaken, match="connection name 'main' is already taken"):
        await log.append(append("repository-2", 0, connected("main")))

    await log.append(append("repository-1", 1, disconnected("main")))

    await log.append(append("repository-2", 0, connected("main")))


async def test_a_stream_may_take_again_what_it_holds(log: EventLog) -> None:
    await log.append(append("project-1", 0, labelled("blog")))

    await log.append(append("project-1", 1, labelled("blog")))

    assert await log.head() == 2


async def test_a_stream_gives_back_only_what_is_its_own(log: EventLog) -> None:
    await log.append(append("repository-1", 0, connected("main")))
    await log.append(append("repository-2", 0, disconnected("main")))

    with pytest.raises(NameTaken):
        await log.append(append("repository-3", 0, connected("main")))


async def test_names_pass_from_hand_to_hand_within_a_batch(database_url: str, log: EventLog) -> None:
    await log.append(append("project-1", 0, labelled("blog")))

    answers = await in_one_batch(
        database_url,
        log,
        append("project-1", 1, relabelled("blog", "shop")),
        append("project-2", 0, labelled("blog")),
        append("project-3", 0, labelled("shop")),
        append("project-2", 1, relabelled("blog", "news")),
        append("project-1", 2, relabelled("shop", "blog")),
    )

    assert [type(answer) for answer in answers] == [list, list, NameTaken, list, list]
    with psycopg.connect(database_url) as connection:
        held = connection.execute("SELECT name, holder FROM log.reservations ORDER BY name").fetchall()
    assert held == [("blog", "project-1"), ("news", "project-2")]


async def test_giving_back_everything_frees_all_names_of_the_stream(database_url: str, log: EventLog) -> None:
    await log.append(append("secret-1", 0, secret_set("KEY"), connected("main")))
    await log.append(append("secret-2", 0, secret_set("OTHER")))

    answers = await in_one_batch(
        database_url,
        log,
        append("secret-1", 2, connected("second"), secret_removed("KEY")),
        append("secret-3", 0, secret_set("KEY"), connected("main"), connected("second")),
        append("secret-4", 0, secret_set("OTHER")),
    )

    assert [type(answer) for answer in answers] == [list, list, NameTaken]


async def test_of_many_who_want_a_name_at_once_one_gets_it(log: EventLog) -> None:
    appends = [log.append(append(f"project-{number}", 0, labelled("blog"))) for number in range(50)]

    answers = await asyncio.gather(*appends, return_exceptions=True)

    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert sum(isinstance(answer, NameTaken) for answer in answers) == 49


async def test_a_refused_append_leaves_no_name_behind(log: EventLog) -> None:
    await log.append(append("project-1", 0, labelled("blog")))
    with pytest.raises(NameTaken):
        await log.append(append("project-2", 0, labelled("shop"), labelled("blog")))

    await log.append(append("project-3", 0, labelled("shop")))


async def test_an_idempotency_key_belongs_to_one_request(log: EventLog) -> None:
    await log.append(append("workspace-1", 0, causation_id="cause", fingerprint="a"))

    with pytest.raises(RequestReused):
        await log.append(append("workspace-2", 0, causation_id="cause", fingerprint="b"))
    await log.append(append("workspace-3", 0, causation_id="cause", fingerprint="a"))

    request = await log.request(CausationId("cause"))
    assert request is not None
    assert request.fingerprint == "a"
    assert await log.head() == 2


async def test_requests_are_kept_with_the_places_of_what_they_caused(
    database: Database, database_url: str, log: EventLog
) -> None:
    await in_one_batch(
        database_url,
        log,
        append("project-1", 0, labelled("blog"), named(), causation_id="one", fingerprint="a"),
        append("project-2", 0, labelled("blog"), causation_id="refused", fingerprint="b"),
        append("project-3", 0, labelled("shop"), causation_id="three", fingerprint="c"),
    )

    kept = await database.fetch(
        "SELECT causation_id, stream, first_position, last_position FROM log.requests ORDER BY 3"
    )
    assert kept == [("one", "project-1", 2, 3), ("three", "project-3", 4, 4)]


async def test_a_bell_rings_when_facts_were_appended(database: Database, log: EventLog) -> None:
    with database.bell() as bell, database.bell() as another:
        await asyncio.gather(bell.wait(5), another.wait(5))  # once for the beginning of the listening
        await log.append(append("workspace-1", 0))

        assert await asyncio.gather(bell.wait(5), another.wait(5)) == [True, True]
        assert not await bell.wait(0.01)


async def test_a_caller_that_gives_up_leaves_the_others_alone(database_url: str, log: EventLog) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("SELECT log.take_turn()")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(log.append(append("workspace-1", 0)), 0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(log.append(append("workspace-2", 0)), 0.05)

    await log.append(append("workspace-3", 0))

    assert await log.read(StreamName("workspace-2")) == []  # it had not been begun


async def test_closing_records_what_was_submitted(database: Database) -> None:
    async with EventLog.open(database) as log:
        appends = [asyncio.create_task(log.append(append(f"workspace-{number}", 0))) for number in range(100)]
        await asyncio.sleep(0)  # they are submitted

    assert [len(await task) for task in appends] == [1] * 100
    with pytest.raises(Unavailable):
        await log.append(append("workspace-late", 0))


async def test_a_fact_with_an_unknown_tag_stops_the_reader(database_url: str, log: EventLog) -> None:
    before = await log.append(append("workspace-1", 0))
    stored = Mapper().stored(StreamName("workspace-2"), 0, [named()], context())
    state = stored.states[0].replace(b"workspace.created", b"workspace.dreamt")
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO log.events VALUES (2, 'workspace-2', 1, 'workspace.dreamt', %s)", [state])

    assert await log.notifications(after=0, limit=10) == before
    with pytest.raises(UnreadableFact, match=r"'workspace.dreamt' at position 2 \(workspace-2@1\) .* not known"):
        await log.notifications(after=1, limit=10)
    with pytest.raises(UnreadableFact):
        await log.read(StreamName("workspace-2"))


def test_an_old_tag_is_upcast_step_by_step_while_decoding() -> None:
    mapper = Mapper(
        {
            "tenant.made": lambda old: {"fact": "workspace.made", "tenant_id": old["tenant"], "label": old["label"]},
            "workspace.made": lambda old: {
                "fact": "workspace.created",
                "tenant_id": old["tenant_id"],
                "name": old["label"],
            },
        }
    )
    stored = mapper.stored(StreamName("workspace-1"), 0, [named()], circumstances := context())
    head, _, _ = stored.states[0].partition(b',"fact":')
    state = head + b',"fact":{"fact":"tenant.made","tenant":"tenant","label":"Acme"}}'

    recorded = mapper.recorded(1, "workspace-1", 1, "tenant.made", state)

    assert recorded.fact == WorkspaceCreated(tenant_id=TENANT, name="Acme")
    assert recorded.context == circumstances


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log.events SET tag = 'nothing.happened'",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
        "SET session_replication_role = replica; DELETE FROM log.events",
    ],
)
async def test_the_past_cannot_be_changed_even_by_its_owner(database_url: str, log: EventLog, change: str) -> None:
    await log.append(append("workspace-1", 0))

    with psycopg.connect(database_url, autocommit=True) as owner, pytest.raises(errors.InsufficientPrivilege):
        owner.execute(change.encode())

    assert await log.head() == 1


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM log.events",
        "DROP TABLE log.events CASCADE",
        "DROP TRIGGER append_only ON log.events",
        "ALTER TABLE log.events DISABLE TRIGGER append_only",
        "DELETE FROM log.requests",
        "UPDATE vault.secrets SET version = 1",
    ],
)
async def test_the_application_may_not_even_try(database: Database, change: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        await database.fetch(change)  # type: ignore[arg-type]  # it is a literal, a few lines above


async def test_an_auditor_reads_the_log_in_psql(database_url: str, log: EventLog) -> None:
    await log.append(append("workspace-1", 0, named("with a NUL: \0")))
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO log.events VALUES (2, 'thing', 1, 'not.json', 'state')")
        rows = connection.execute("SELECT tenant, actor ->> 'name', at IS NOT NULL, fact FROM log.audit").fetchall()

    fact = {"tenant_id": "tenant", "name": "with a NUL: \ufffd", "founder": None, "slot": None}
    assert rows == [("tenant", "shipbook", True, fact), (None, None, False, None)]
