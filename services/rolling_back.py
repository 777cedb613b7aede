"""One job of the activation queue: make the release live that an environment was rolled back to."""

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
from domain.environment import EnvironmentRolledBack
from domain.history import Recorded
from domain.identifiers import CausationId, derived, stream
from domain.rejection import Conflict
from services.activating import Activator, Unhealthy
from services.build_metrics import count_activation
from services.leasing import on_behalf
from services.patience import patiently
from services.wiring import Core

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RollBack:
    """Carries rollbacks out. The activation's number outranks whatever else is made live meanwhile."""

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
        report: CompleteActivation | FailActivation
        began = monotonic()
        async with self.activator.hosting.holding(cut.release_id):
            try:
                if state.active != cut.release_id:
                    await self.activator.end_mute(cut)
                report = CompleteActivation(
                    environment_id=item.environment_id,
                    activation=item.activation,
                    release_id=cut.release_id,
                    upstreams=await self.activator.upstreams(item.tenant_id, cut),
                )
            except Unhealthy as unhealthy:
                report = FailActivation(
                    environment_id=item.environment_id,
                    activation=item.activation,
                    release_id=cut.release_id,
                    error=str(unhealthy),
                )
            if await self._report(item, cause, report):
                done = isinstance(report, CompleteActivation)
                count_activation("rollback", "succeeded" if done else "failed", began)

    async def _report(self, item: ActivationWork, cause: Recorded, report: CompleteActivation | FailActivation) -> bool:
        """Whether the report was taken."""
        context = on_behalf(
            item.tenant_id, cause, "executor", self.core.clock, derived(CausationId(cause.id), type(report).__name__)
        )
        try:
            await self.core.handler.handle(report, context)
        except Conflict as outranked:
            log.info("the rollback was outranked", environment=item.environment_id, why=str(outranked))
            return False
        return True


def _cause(history: Sequence[Recorded], activation: int) -> Recorded | None:
    """The fact that asked for the activation."""
    for recorded in history:
        if isinstance(recorded.fact, EnvironmentRolledBack) and recorded.fact.activation == activation:
            return recorded
    return None
