"""The right to report on a deployment, and the names under which reports are repeated without effect."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from msgspec.structs import replace

from commands.command import Command
from commands.deployment import LeaseDeployment, Report
from commands.handling import Caused, Handler
from commands.ports import Clock
from domain.deployment import DeploymentLeased, DeploymentQueued
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, ExecutorId, TenantId, derived
from domain.rejection import Conflict, NameTaken
from domain.reservations import TURN
from domain.steps import StepKind
from services.patience import patiently

T = TypeVar("T")
log = structlog.get_logger(__name__)


def on_behalf(tenant_id: TenantId, cause: Recorded, part: str, clock: Clock, causation: str) -> Context:
    """The context of what a part of Shipbook does because of ``cause``; the request that began it stays known."""
    return Context(
        tenant_id=tenant_id,
        actor=Actor(name=part),
        correlation_id=cause.context.correlation_id,
        causation_id=CausationId(causation),
        at=clock.now(),
    )


@dataclass(frozen=True)
class Lease:
    """One executor's turn at one deployment. A later lease has a higher token, and this one's reports are refused."""

    handler: Handler
    clock: Clock
    context: Context
    queued: DeploymentQueued
    fencing_token: int
    _notes: list[asyncio.Task[Caused]] = field(default_factory=list, repr=False, compare=False)

    def note(self, report: Report) -> None:
        """Record what happened while the work goes on, after what was noted before.

        Whatever is reported or handled next waits until that is done, and raises what it raised. Who gives the lease
        up calls ``forget``.
        """
        self._notes.append(asyncio.create_task(self._noted(report, self._notes[-1:])))

    async def _noted(self, report: Report, before: list[asyncio.Task[Caused]]) -> Caused:
        for earlier in before:
            await earlier
        return await self._handle(report, _named(report))

    async def forget(self) -> None:
        """Record nothing more of what was noted."""
        for note in self._notes:
            note.cancel()
        await asyncio.gather(*self._notes, return_exceptions=True)
        self._notes.clear()

    async def report(self, report: Report) -> Caused:
        """Record what happened, waiting out a database that is away.

        Raises ``StaleLease`` where the lease was outranked, ``Conflict`` where the deployment has ended.
        """
        return await self.handle(report, _named(report))

    async def handle(self, command: Command, what: str) -> Caused:
        """Handle a command of this lease; ``what`` names it within the lease, so that its repeat is a non-event."""
        while self._notes:
            await self._notes[0]
            self._notes.pop(0)
        return await self._handle(command, what)

    async def _handle(self, command: Command, what: str) -> Caused:
        cause = CausationId(f"{self.queued.deployment_id}/{self.fencing_token}")
        causation = CausationId(derived(cause, what))

        async def once() -> Caused:
            return await self.handler.handle(
                command, replace(self.context, causation_id=causation, at=self.clock.now())
            )

        return await patiently(once)


def _named(report: Report) -> str:
    part: StepKind | None = getattr(report, "step", None)
    return f"{type(report).__name__}/{part or ''}"


class NotItsTurn(Exception):
    """Another deployment has the environment's turn, or others have all build slots of the workspace."""


async def lease(
    handler: Handler,
    clock: Clock,
    queued: DeploymentQueued,
    context: Context,
    executor_id: ExecutorId,
    builds_at_once: int,
) -> Lease | None:
    """Take the deployment, or None where it has ended, was given up or waits. Raises ``NotItsTurn``.

    One that builds takes one of the workspace's ``builds_at_once`` slots as well.
    """
    slots: Sequence[int | None] = [None] if queued.promotes else range(1, builds_at_once + 1)
    for slot in slots:
        command = LeaseDeployment(deployment_id=queued.deployment_id, executor_id=executor_id, slot=slot)
        try:
            return _taken(await _leased(handler, command, context), handler, clock, queued, context)
        except NameTaken as taken:
            if taken.scope == TURN:
                break
        except Conflict:
            return None
    raise NotItsTurn


async def _leased(handler: Handler, command: LeaseDeployment, context: Context) -> Caused:
    return await patiently(lambda: handler.handle(command, context))


def _taken(caused: Caused, handler: Handler, clock: Clock, queued: DeploymentQueued, context: Context) -> Lease | None:
    for recorded in caused.facts:
        if isinstance(recorded.fact, DeploymentLeased):
            return Lease(handler, clock, context, queued, recorded.fact.fencing_token)
    return None
