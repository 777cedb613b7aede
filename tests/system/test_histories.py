"""The logs that benches are run on are such as commands would have left."""

import asyncio

import psycopg
import pytest
from psycopg import sql

from adapters import readmodels, tables
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.http import tokens
from bench.histories import History, go_on, write
from bench.multiplied import multiply
from commands.handling import Handler
from commands.ports import SecretValue
from commands.project import ChangeProject
from commands.routing import ROUTES
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, RequestId
from domain.reservations import Take, reservations
from projections import credentials, deployments
from projections.catalogue import ALL
from services.operator import rebuild
from services.wiring import SystemClock
from tests.projections.memory import MemoryReadModels

pytestmark = pytest.mark.anyio

EVOLVE = {decider.category: decider for decider, _ in ROUTES.values()}


async def _facts(url: str) -> list[Recorded]:
    async with Database.open(url) as database, EventLog.open(database) as log:
        return await log.notifications(0, 10_000)


def test_the_same_seed_makes_the_same_history() -> None:
    once, again, other = (list(History(3, seed).rows(500)) for seed in (1, 1, 2))

    assert once == again != other


async def test_every_fact_follows_from_those_before_it(database_url: str) -> None:
    first = await write(database_url, 1500, 3)
    second = await write(database_url, 500, 2)

    facts = await _facts(database_url)

    assert 1500 <= first.position < 1520
    assert first.position + 500 <= second.position == len(facts)
    assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))
    streams: dict[str, list[Recorded]] = {}
    for fact in facts:
        streams.setdefault(fact.stream, []).append(fact)
    for stream in streams.values():
        assert [fact.version for fact in stream] == list(range(1, len(stream) + 1))
        assert len({fact.context.tenant_id for fact in stream}) == 1
        EVOLVE[stream[0].stream.partition("-")[0]].fold(recorded.fact for recorded in stream)


async def test_names_and_numbers_are_kept_as_the_log_would_have_kept_them(database_url: str) -> None:
    history = await write(database_url, 600, 3)

    taken = {
        (change.scope, change.name, fact.stream)
        for fact in await _facts(database_url)
        for change in reservations(fact.fact, fact.context.tenant_id)
        if isinstance(change, Take)
    }

    with psycopg.connect(database_url) as connection:
        assert set(connection.execute("SELECT scope, name, holder FROM log.reservations").fetchall()) == taken
        (made,) = connection.execute("SELECT count(*) FROM log.events WHERE tag = 'deployment.queued'").fetchone() or ()
        (last,) = connection.execute("SELECT sum(last) FROM log.numbers").fetchone() or ()
    assert made == last > 0
    assert len(history.workspaces) == 3


async def test_the_read_models_take_it_and_its_tokens_are_known(database_url: str) -> None:
    history = await write(database_url, 1500, 3)
    models = MemoryReadModels()

    models.deliver(await _facts(database_url))

    assert {row.status for row in models.rows(deployments.DEPLOYMENTS)} == {"succeeded", "failed", "cancelled"}
    digests = {row.digest: row.tenant_id for row in models.rows(credentials.TOKENS)}
    for workspace in history.workspaces:
        assert digests[tokens.digest(SecretValue(workspace.token))] == workspace.tenant_id


async def test_commands_go_on_where_it_ends(database_url: str) -> None:
    history = await write(database_url, 300, 1)
    (workspace,) = history.workspaces
    context = Context(
        tenant_id=workspace.tenant_id,
        actor=Actor(),
        correlation_id=RequestId("request"),
        causation_id=CausationId("cause"),
        at=SystemClock().now(),
    )

    async with Database.open(database_url) as database, EventLog.open(database) as log:
        caused = await Handler(log).handle(ChangeProject(project_id=workspace.project_id, name="Store"), context)

    assert caused.position == history.position + 1


async def test_read_models_that_are_multiplied_are_as_large_as_those_of_the_whole_log(database_url: str) -> None:
    history = await write(database_url, 500, 2)
    first = history.position
    async with Database.open(database_url) as database, EventLog.open(database) as log:
        await rebuild(database, log, ALL)
        await go_on(database.conninfo, history, 4 * first)
    whole = MemoryReadModels()
    whole.deliver(await _facts(database_url))

    await asyncio.to_thread(multiply, database_url, history.beginnings, first, history.position)

    with psycopg.connect(database_url) as connection:
        for model in ALL.values():
            for table in model.tables:
                [(found,)] = connection.execute(
                    sql.SQL("SELECT count(*) FROM {}").format(tables.name(readmodels.live(model.name), table))
                ).fetchall()
                assert found == pytest.approx(len(whole.rows(table)), rel=0.1), table.name
        trail = connection.execute("SELECT count(*), max(position) FROM read_audit_trail.audit_trail").fetchone() or ()
        passed = connection.execute("SELECT DISTINCT position FROM read_models.checkpoints").fetchall()
    assert trail[0] == trail[1]
    assert passed == [(history.position,)]
