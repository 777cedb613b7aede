"""Whatever is asked for, leased, ended and lost in a workspace: turns are kept, and the queue moves on."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from commands.deployment import CancelDeployment, FailDeployment, QueueDeployment
from commands.handling import Handler
from commands.policies import BuildWork
from domain.deployment import DeploymentQueued, Status
from domain.history import Context
from domain.identifiers import DeploymentId, EnvironmentId, ExecutorId, ProjectId, ReleaseId, TenantId
from domain.rejection import Conflict
from projections.catalogue import ALL
from projections.deployments import DEPLOYMENTS, DeploymentRow
from services.leasing import NotItsTurn, lease
from services.queueing import Queueing
from services.turns import Turns
from tests.commands.memory import MemoryLog, caused_by
from tests.commands.test_deployment import RECIPE
from tests.projections.memory import MemoryReadModels

ACME = TenantId("acme")
PLACES = ("live", "staging", "preview")
SLOTS = 2
WHICH = st.integers(min_value=0, max_value=30)


class Queue(RuleBasedStateMachine):
    """A workspace with a few environments and two build slots; the executors' work is asked for in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.log = MemoryLog()
        self.handler = Handler(self.log)
        self.models = MemoryReadModels({"deployments": ALL["deployments"]})
        self.offered: set[DeploymentId] = set()
        self.number = 0
        self.seen = 0
        self.taken = 0
        turns = Turns(self.models, _so_many)
        core = SimpleNamespace(handler=self.handler, reader=self.models, clock=SimpleNamespace(now=lambda: self.at))
        self.turns = turns
        self.queueing = Queueing(core, SimpleNamespace(passed=_passed), self, turns)  # type: ignore[arg-type] # in memory

    @property
    def at(self) -> Any:
        return self.context().at

    def context(self) -> Context:
        self.taken += 1
        return caused_by(f"request {self.taken}")

    async def publish(self, items: dict[str, BuildWork]) -> None:
        """The work queue: what is there already is not queued again."""
        self.offered |= {item.deployment_id for item in items.values()}

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        found = asyncio.run(work)
        self.models.deliver(self.log.recorded[self.seen :])
        self.seen = len(self.log.recorded)
        return found

    def rows(self, wanted: Callable[[DeploymentRow], bool] = bool) -> list[DeploymentRow]:
        return sorted(filter(wanted, self.models.rows(DEPLOYMENTS)), key=lambda row: row.number)

    @rule(place=st.sampled_from(PLACES), superseding=st.booleans(), promotes=st.booleans())
    def trigger(self, place: str, superseding: bool, promotes: bool) -> None:
        self.number += 1
        command = QueueDeployment(
            deployment_id=DeploymentId(f"deployment {self.number}"),
            number=self.number,
            project_id=ProjectId("shop"),
            environment_id=EnvironmentId(place),
            branch="main",
            recipe=RECIPE,
            supersedes_older=superseding,
            promotes=ReleaseId("release") if promotes else None,
        )
        self.run(self.handler.handle(command, self.context()))
        self.offered.add(command.deployment_id)

    @precondition(lambda self: self.rows())
    @rule(which=WHICH, executor=st.sampled_from(["first", "second"]))
    def take(self, which: int, executor: str) -> None:
        """An executor takes any item of work, in turn or not, as read models may be behind."""
        row = self.rows()[which % self.number]
        first = next(one for one in self.log.recorded if getattr(one.fact, "deployment_id", "") == row.id)
        assert isinstance(first.fact, DeploymentQueued)
        clock = SimpleNamespace(now=lambda: self.at)
        try:
            self.run(lease(self.handler, clock, first.fact, self.context(), ExecutorId(executor), SLOTS))  # type: ignore[arg-type] # a clock too
        except NotItsTurn:
            self.offered.discard(row.id)

    @precondition(lambda self: self.rows())
    @rule(which=WHICH, cancels=st.booleans())
    def end(self, which: int, cancels: bool) -> None:
        row = self.rows()[which % self.number]
        fail = FailDeployment(deployment_id=row.id, fencing_token=row.fencing_token, error="npm says no")
        try:
            self.run(self.handler.handle(CancelDeployment(deployment_id=row.id) if cancels else fail, self.context()))
        except Conflict:
            assert row.ended or (row.status is Status.QUEUED and not cancels)

    @rule()
    def follow(self) -> None:
        """The office takes the whole log once more: all of it may come twice."""
        for _ in range(2):  # what the first time causes is taken by the second
            self.run(self.queueing.take(list(self.log.recorded)))
        waiting = self.rows(lambda row: row.status is Status.QUEUED)
        for later in filter(self._supersedes, waiting):
            numbers = [row.number for row in waiting if row.environment_id == later.environment_id]
            assert min(numbers) == later.number, "an older one waits beside a newer that replaces it"
        ready = {item.deployment_id for item in self.run(self.turns.of(ACME))}
        assert ready <= self.offered or not self.rows(lambda row: row.ended)

    def _supersedes(self, row: DeploymentRow) -> bool:
        return any(
            isinstance(one.fact, DeploymentQueued) and one.fact.deployment_id == row.id and one.fact.supersedes_older
            for one in self.log.recorded
        )

    @invariant()
    def an_environment_runs_one_deployment_at_a_time(self) -> None:
        places = [row.environment_id for row in self.rows(lambda row: row.status is Status.RUNNING)]
        assert len(places) == len({*places})

    @invariant()
    def a_workspace_builds_so_many_at_once(self) -> None:
        assert len(self.rows(lambda row: row.status is Status.RUNNING and row.promotes is None)) <= SLOTS

    @invariant()
    def whoever_may_begin_can_begin(self) -> None:
        running = {row.environment_id for row in self.rows(lambda row: row.status is Status.RUNNING)}
        held = {name for scope, name in self.log.holders if scope == "turn"}
        assert held == running

    @invariant()
    def what_was_superseded_names_a_later_one_that_says_so(self) -> None:
        by_id = {row.id: row for row in self.rows()}
        for row in by_id.values():
            if row.superseded_by:
                later = by_id[row.superseded_by]
                assert later.number > row.number
                assert later.superseding
                assert row.fencing_token == 0


async def _so_many(_: TenantId) -> int:
    return SLOTS


async def _passed(_: int, __: float) -> bool:
    return True


TestQueue = Queue.TestCase
