"""One job of the activation queue: make live, without building, what somebody rolled back to or has restarted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from adapters.nats.work import Job
from commands import environment, release
from commands.environment import CompleteActivation, FailActivation
from commands.policies import ActivationWork
from commands.release import require_release
from domain.environment import Environment, EnvironmentRolledBack, RestartStarted
from domain.history import Recorded
from domain.identifiers import CausationId, derived, stream
from domain.rejection import Conflict
from domain.release import ReleaseCut
from services.activating import Activator, Unhealthy
from services.build_metrics import Kind, count_activation
from services.leasing import on_behalf
from services.patience import patiently
from services.wiring import Core

log = structlog.get_logger(__name__)

Report = CompleteActivation | FailActivation


@dataclass(frozen=True)
class Reactivation:
    """Carries rollbacks and restarts out. The activation's number outranks whatever else was made live meanwhile."""

    core: Core
    activator: Activator

    async def activate(self, job: Job) -> None:
        """Bring the activation to its end, or find that it has ended or was outranked."""
        item = job.item
        if isinstance(item, ActivationWork):
            await patiently(lambda: self._activate(item))
        await job.done()

    async def _activate(self, item: ActivationWork) -> None:
        history, state = await asyncio.gather(
            self.core.log.read(stream(environment.DECIDER.category, item.environment_id)),
            self.core.handler.state(environment.DECIDER, item.environment_id, item.tenant_id),
        )
        cause = _cause(history, item.activation)
        if cause is None or state.activation != item.activation or state.activating is None:
            return
        cut = require_release(await self.core.handler.state(release.DECIDER, state.activating, item.tenant_id))
        began = monotonic()
        async with self.activator.hosting.holding(cut.release_id):
            report = await self._outcome(item, cut, state)
            if await self._report(item, cause, report):
                kind: Kind = "rollback" if isinstance(cause.fact, EnvironmentRolledBack) else "restart"
                count_activation(kind, "succeeded" if isinstance(report, CompleteActivation) else "failed", began)

    async def _outcome(self, item: ActivationWork, cut: ReleaseCut, state: Environment) -> Report:
        """Start the instances, wait until they are healthy, and say how that ended."""
        try:
            if state.active != cut.release_id:
                await self.activator.end_mute(cut)
            upstreams = await self.activator.upstreams(item.tenant_id, cut, state.launching)
        except Unhealthy as unhealthy:
            return FailActivation(
                environment_id=item.environment_id,
                activation=item.activation,
                release_id=cut.release_id,
                error=str(unhealthy),
            )
        return CompleteActivation(
            environment_id=item.environment_id,
            activation=item.activation,
            release_id=cut.release_id,
            upstreams=upstreams,
        )

    async def _report(self, item: ActivationWork, cause: Recorded, report: Report) -> bool:
        """Whether the report was taken."""
        context = on_behalf(
            item.tenant_id, cause, "executor", self.core.clock, derived(CausationId(cause.id), type(report).__name__)
        )
        try:
            await self.core.handler.handle(report, context)
        except Conflict as outranked:
            log.info("the activation was outranked", environment=item.environment_id, why=str(outranked))
            return False
        return True


def _cause(history: Sequence[Recorded], activation: int) -> Recorded | None:
    """The fact that asked for the activation."""
    for recorded in history:
        if isinstance(recorded.fact, EnvironmentRolledBack | RestartStarted) and recorded.fact.activation == activation:
            return recorded
    return None
