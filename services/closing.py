"""What an environment or a project leaves behind when it is deleted: its deployments end, and what was its own goes.

That its instances and routes end needs nothing here: they follow the read model (``services.hosting``, ``edge``).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from adapters.database import Unavailable
from adapters.reading import Progress
from commands import project
from commands.attaching import detach
from commands.command import Command
from commands.custom_domain import RemoveCustomDomain
from commands.deployment import CancelDeployment
from commands.freeze import RemoveFreezeWindow
from commands.schedule import DeleteSchedule
from commands.secret import RemoveSecret
from domain.deployment import DeploymentQueued
from domain.history import Context, Recorded
from domain.identifiers import CausationId, EnvironmentId, ProjectId, derived
from domain.project import EnvironmentDeleted, ProjectDeleted
from domain.rejection import Rejection
from domain.secret import SecretScope
from projections import custom_domains, deployments, freezes, schedules
from projections.databases import ATTACHMENTS
from projections.reading import Selection, every
from projections.secrets import SECRETS
from services.leasing import on_behalf
from services.queueing import READABLE_SECONDS
from services.tailing import tail
from services.wiring import Core

REASON = "The environment was deleted."


@dataclass(frozen=True)
class Closing:
    """Follows the log. Any number of processes may run one; one of them works. All of it may be done twice."""

    core: Core
    progress: Progress

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        await tail(self.core.database, self.core.log, "closing", self.take)

    async def take(self, page: Sequence[Recorded]) -> None:
        """Do what follows from these facts. Raises ``Unavailable``."""
        for recorded in page:
            match recorded.fact:
                case EnvironmentDeleted() as fact:
                    await self._readable(recorded)
                    await self._close(recorded, fact.environment_id)
                case ProjectDeleted() as fact:
                    await self._readable(recorded)
                    await self._close_project(recorded, fact.project_id)
                case DeploymentQueued() as fact:
                    await self._too_late(recorded, fact)
                case _:
                    pass

    async def _close(self, recorded: Recorded, environment_id: EnvironmentId) -> None:
        tenant_id = recorded.context.tenant_id
        for row in await deployments.open_of(self.core.reader, tenant_id):
            if row.environment_id == environment_id:
                await self._do(recorded, CancelDeployment(deployment_id=row.id, reason=REASON), row.id)
        attached = Selection(equal={"tenant_id": tenant_id, "environment_id": environment_id}, order_by="database_id")
        for one in await every(self.core.reader, ATTACHMENTS, attached):
            with suppress(Rejection):  # it was detached meanwhile
                context = self._context(recorded, one.secret_id)
                await detach(
                    self.core.handler,
                    context,
                    database_id=one.database_id,
                    environment_id=environment_id,
                    variable=one.variable,
                )
        await self._remove_secrets(recorded, {"scope": SecretScope.ENVIRONMENT, "environment_id": environment_id})
        for domain in await custom_domains.of_environment(self.core.reader, tenant_id, environment_id):
            await self._do(recorded, RemoveCustomDomain(domain_id=domain.id), domain.id)
        for schedule in await schedules.of_environment(self.core.reader, tenant_id, environment_id):
            await self._do(recorded, DeleteSchedule(schedule_id=schedule.id), schedule.id)
        for window in await freezes.listing(self.core.reader, tenant_id):
            if window.window.environment_id == environment_id:
                await self._do(recorded, RemoveFreezeWindow(tenant_id=tenant_id, window_id=window.id), window.id)

    async def _close_project(self, recorded: Recorded, project_id: ProjectId) -> None:
        tenant_id = recorded.context.tenant_id
        await self._remove_secrets(recorded, {"scope": SecretScope.PROJECT, "project_id": project_id})
        for window in await freezes.listing(self.core.reader, tenant_id):
            if window.window.project_id == project_id:
                await self._do(recorded, RemoveFreezeWindow(tenant_id=tenant_id, window_id=window.id), window.id)

    async def _too_late(self, recorded: Recorded, fact: DeploymentQueued) -> None:
        """Cancel what was asked for while its environment was deleted."""
        state = await self.core.handler.state(project.DECIDER, fact.project_id, recorded.context.tenant_id)
        if fact.environment_id not in state.environments:
            command = CancelDeployment(deployment_id=fact.deployment_id, reason=REASON)
            await self._do(recorded, command, fact.deployment_id)

    async def _remove_secrets(self, recorded: Recorded, place: Mapping[str, object]) -> None:
        equal = {"tenant_id": recorded.context.tenant_id, **place}
        for row in await every(self.core.reader, SECRETS, Selection(equal=equal, order_by="name")):
            await self._do(recorded, RemoveSecret(secret_id=row.id), row.id)

    async def _do(self, recorded: Recorded, command: Command, about: str) -> None:
        with suppress(Rejection):  # it is so already
            await self.core.handler.handle(command, self._context(recorded, about))

    def _context(self, recorded: Recorded, about: str) -> Context:
        causation = derived(CausationId(recorded.id), f"close {about}")
        return on_behalf(recorded.context.tenant_id, recorded, "closing", self.core.clock, causation)

    async def _readable(self, recorded: Recorded) -> None:
        if not await self.progress.passed(recorded.position, READABLE_SECONDS):
            raise Unavailable("The read models are behind the log.")
