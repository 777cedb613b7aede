"""The queue of deployments: a later one takes the place of those that wait, and an end lets the next one begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog

from adapters.database import Unavailable
from adapters.nats.work import WorkQueue
from adapters.reading import Progress
from commands import deployment
from commands.deployment import SupersedeDeployment
from domain.deployment import (
    DeploymentApproved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentQueued,
    DeploymentRejected,
    DeploymentSucceeded,
    DeploymentSuperseded,
    Status,
)
from domain.history import Recorded
from domain.identifiers import CausationId, DeploymentId, TenantId, derived, uuid7
from projections import deployments
from services.leasing import on_behalf
from services.tailing import tail
from services.turns import Turns
from services.wiring import Core

ENDS = (DeploymentSucceeded, DeploymentFailed, DeploymentCancelled, DeploymentRejected, DeploymentSuperseded)
READABLE_SECONDS = 5.0
"""How long the read models may take to come as far as the log."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Queueing:
    """Follows the log. Any number of processes may run one; one of them works.

    All of it may be done twice: the decider lets only what has not begun be superseded, and an item of work that waits
    already is not queued again. What is lost with NATS, the sweeper finds.
    """

    core: Core
    progress: Progress
    queue: WorkQueue
    turns: Turns

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        await tail(self.core.database, self.core.log, "deployment queue", self.take)

    async def take(self, page: Sequence[Recorded]) -> None:
        """Do what follows from these facts. Raises ``Unavailable``."""
        for recorded in page:
            if isinstance(recorded.fact, DeploymentQueued | DeploymentApproved):
                await self._supersede(recorded, recorded.fact.deployment_id)
        freed = {recorded.context.tenant_id for recorded in page if isinstance(recorded.fact, ENDS)}
        if freed:
            await self._readable(page[-1].position)
            for tenant_id in freed:
                await self._offer(tenant_id)

    async def _offer(self, tenant_id: TenantId) -> None:
        """Queue whatever may begin in the workspace."""
        if items := await self.turns.of(tenant_id):
            await self.queue.publish({uuid7(): item for item in items})

    async def _supersede(self, recorded: Recorded, deployment_id: DeploymentId) -> None:
        """Let the deployment take the place of earlier ones of its environment."""
        tenant_id = recorded.context.tenant_id
        state = await self.core.handler.state(deployment.DECIDER, deployment_id, tenant_id)
        later = state.queued
        if later is None or not later.supersedes_older or state.status.ended:
            return
        await self._readable(recorded.position)
        for row in await deployments.open_of(self.core.reader, tenant_id):
            if row.environment_id == later.environment_id and row.number < later.number:
                command = SupersedeDeployment(
                    deployment_id=row.id,
                    environment_id=later.environment_id,
                    by=later.deployment_id,
                    by_number=later.number,
                    by_waiting=state.status is Status.WAITING,
                )
                causation = derived(CausationId(recorded.id), f"supersede {row.id}")
                context = on_behalf(tenant_id, recorded, "queue", self.core.clock, causation)
                await self.core.handler.handle(command, context)

    async def _readable(self, position: int) -> None:
        if not await self.progress.passed(position, READABLE_SECONDS):
            raise Unavailable("The read models are behind the log.")
