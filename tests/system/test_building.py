"""An executor that lost the database, or met a full disk, goes on with its deployment and is not counted as lost."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.database import Unavailable
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.nats.connecting import Connection
from adapters.nats.doorbell import Doorbells
from adapters.settings import Settings, private_directory
from adapters.volumes import Volumes
from commands.connecting import connect_repository
from commands.deployment import MOST_LOST, FailDeployment, FinishStep, QueueDeployment, StartStep
from commands.policies import BuildWork
from domain.deployment import DeploymentFailed, DeploymentLeased, DeploymentQueued, Outcome
from domain.fact import Fact
from domain.history import Actor, Context
from domain.identifiers import (
    CausationId,
    ConnectionId,
    DeploymentId,
    EnvironmentId,
    ExecutorId,
    ProjectId,
    RequestId,
    TenantId,
    build_log,
    stream,
    uuid7,
)
from domain.rejection import StaleLease
from domain.steps import StepKind
from projections.catalogue import ALL
from services import building
from services.building import AGAIN, AWAY, FULL, Builder
from services.growers import grow
from services.journal import Journal
from services.leasing import Lease, lease
from services.presence import Presence
from services.turns import Turns
from services.wiring import Core, core
from tests.adapters.nats.servers import eventually
from tests.commands.test_deployment import RECIPE

pytestmark = pytest.mark.anyio
TENANT = TenantId(uuid7())


@dataclass
class CutOff:
    """A deployer that meets a problem so many times."""

    times: int
    problem: Exception

    async def deploy(self, lease: Lease, journal: Journal, _: object) -> None:
        await journal.say(f"turn {lease.fencing_token}")
        if lease.fencing_token <= self.times:
            raise self.problem
        ended = FailDeployment(
            deployment_id=lease.queued.deployment_id, fencing_token=lease.fencing_token, error="It is a test."
        )
        await lease.report(ended)

    async def abandon(self, *_: object) -> None:
        pass


@dataclass
class JobInHand:
    """A job of the queue, as its worker sees it."""

    item: BuildWork
    settled: str = ""

    async def done(self) -> None:
        self.settled = "done"

    async def later(self, _: float) -> None:
        self.settled = "later"


@pytest.fixture
async def parts(database_url: str, tmp_path: Path) -> AsyncIterator[Core]:
    settings = Settings(data_dir=private_directory(tmp_path / "data"), database_url=database_url)
    async with core(settings) as parts:
        await grow(parts.database, parts.log, list(ALL.values()))
        yield parts


def context(parts: Core) -> Context:
    return Context(
        tenant_id=TENANT,
        actor=Actor(name="test"),
        correlation_id=RequestId(uuid7()),
        causation_id=CausationId(uuid7()),
        at=parts.clock.now(),
    )


async def queued(parts: Core) -> DeploymentId:
    connection, deployment = ConnectionId(uuid7()), DeploymentId(uuid7())
    await connect_repository(
        parts.handler,
        parts.vault,
        context(parts),
        connection_id=connection,
        name="shop",
        url="https://example.com/shop.git",
    )
    recipe = replace(RECIPE, connection_id=connection)
    command = QueueDeployment(
        deployment_id=deployment,
        number=1,
        project_id=ProjectId(uuid7()),
        environment_id=EnvironmentId(uuid7()),
        branch="main",
        recipe=recipe,
    )
    await parts.handler.handle(command, context(parts))
    return deployment


@pytest.mark.parametrize(
    ("problem", "said"),
    [(Unavailable("The database does not answer."), AWAY), (OSError(ENOSPC, "No space left on device"), FULL)],
)
async def test_however_many_leases_lost_to_a_database_that_was_away_or_a_full_disk_do_not_give_a_deployment_up(
    parts: Core, monkeypatch: pytest.MonkeyPatch, problem: Exception, said: str
) -> None:
    monkeypatch.setattr(building, "FIRST_PAUSE", 0.0)
    deployment = await queued(parts)
    times = 5 * MOST_LOST

    facts = await built(parts, deployment, CutOff(times, problem))

    leases = [fact for fact in facts if isinstance(fact, DeploymentLeased)]
    assert [fact.fencing_token for fact in leases] == list(range(1, times + 2))
    assert len({fact.executor_id for fact in leases}) == 1
    assert [fact.error for fact in facts if isinstance(fact, DeploymentFailed)] == ["It is a test."]
    lines = [line.text for line in await LineStore(parts.database).read(build_log(deployment))]
    assert [line for line in lines if line.startswith("turn")] == [f"turn {turn}" for turn in range(1, times + 2)]
    assert lines.count(AGAIN.format(passing=said)) == times


async def test_a_disk_that_stays_full_for_longer_than_a_build_may_take_ends_the_deployment_and_is_said_to(
    parts: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "FIRST_PAUSE", 0.1)
    deployment = await queued(parts)
    shorter = dataclasses.replace(parts, settings=replace(parts.settings, build_timeout_seconds=1))

    facts = await built(shorter, deployment, CutOff(1_000, OSError(ENOSPC, "No space left on device")))

    assert len([fact for fact in facts if isinstance(fact, DeploymentLeased)]) > 1
    (error,) = [fact.error for fact in facts if isinstance(fact, DeploymentFailed)]
    assert error == "The disk was full again and again, for longer than the 1 s that a build may take."
    lines = [line.text for line in await LineStore(parts.database).read(build_log(deployment))]
    assert lines[-1] == f"Failed: {error}"


async def test_a_deployment_is_not_taken_from_an_executor_that_is_cut_off_from_nats_and_works_on(parts: Core) -> None:
    deployment = await queued(parts)
    theirs, offered = Presence(parts.database), CutOff(0, OSError())
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        there = tasks.create_task(theirs.run())
        holder = ExecutorId(uuid7())
        await leased(parts, deployment, holder)
        with theirs.working(holder):
            await eventually(lambda: theirs.of(holder))
            facts = await built(parts, deployment, offered, "later")
            [lease_of_theirs] = [fact for fact in facts if isinstance(fact, DeploymentLeased | DeploymentFailed)]
            assert isinstance(lease_of_theirs, DeploymentLeased)
            assert (lease_of_theirs.executor_id, lease_of_theirs.fencing_token) == (holder, 1)
        there.cancel()

    facts = await built(parts, deployment, offered)

    assert [fact.fencing_token for fact in facts if isinstance(fact, DeploymentLeased)] == [1, 2]
    assert [fact.error for fact in facts if isinstance(fact, DeploymentFailed)] == ["It is a test."]


async def built(parts: Core, deployment: DeploymentId, deployer: CutOff, settled: str = "done") -> list[Fact]:
    """What has become of a deployment when its job was offered and ``settled``."""
    job: Any = JobInHand(BuildWork(tenant_id=TENANT, deployment_id=deployment))
    like_a_deployer: Any = deployer
    async with (
        Connection(lambda: "nats://127.0.0.1:9", name="test") as away,
        Doorbells(away) as doorbells,
        LineWriters.start(LineStore(parts.database), lambda _: None) as writers,
    ):
        turns, volumes = (
            Turns(parts.reader, parts.handler.builds_at_once),
            Volumes(parts.database, parts.handler.limits),
        )
        await Builder(parts, writers, doorbells, like_a_deployer, Presence(parts.database), turns, volumes).build(job)
    assert job.settled == settled
    return [recorded.fact for recorded in await parts.log.read(stream("deployment", deployment))]


async def leased(parts: Core, deployment: DeploymentId, executor_id: ExecutorId | None = None) -> Lease:
    first = (await parts.log.read(stream("deployment", deployment)))[0].fact
    assert isinstance(first, DeploymentQueued)
    taken = await lease(parts.handler, parts.clock, first, context(parts), executor_id or ExecutorId(uuid7()), 20)
    assert taken
    return taken


def started(lease: Lease, step: StepKind) -> StartStep:
    return StartStep(deployment_id=lease.queued.deployment_id, fencing_token=lease.fencing_token, step=step)


async def steps(parts: Core, deployment: DeploymentId) -> list[str]:
    facts = [recorded.fact for recorded in await parts.log.read(stream("deployment", deployment))]
    return [f"{type(fact).__name__} {fact.step}" for fact in facts if hasattr(fact, "step")]


async def test_what_is_noted_is_recorded_in_its_order_and_before_what_is_reported_next(parts: Core) -> None:
    deployment = await queued(parts)
    ours = await leased(parts, deployment)
    finished = FinishStep(
        deployment_id=deployment,
        fencing_token=ours.fencing_token,
        step=StepKind.FETCH,
        outcome=Outcome.OK,
        duration_ms=1,
        exit_code=None,
    )

    ours.note(started(ours, StepKind.FETCH))
    ours.note(finished)
    await ours.report(started(ours, StepKind.PUBLISH))

    assert await steps(parts, deployment) == ["StepStarted fetch", "StepFinished fetch", "StepStarted publish"]


async def test_a_note_of_a_lease_that_was_outranked_stops_whatever_is_reported_next(parts: Core) -> None:
    deployment = await queued(parts)
    former = await leased(parts, deployment)
    await leased(parts, deployment)

    former.note(started(former, StepKind.FETCH))
    former.note(started(former, StepKind.PUBLISH))
    with pytest.raises(StaleLease):
        await former.report(started(former, StepKind.ACTIVATE))
    await former.forget()

    assert await steps(parts, deployment) == []
