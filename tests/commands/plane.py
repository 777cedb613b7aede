"""The use cases over one log in memory."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from commands.connecting import connect_repository
from commands.creating import create_project
from commands.environment import BeginActivation, CompleteActivation
from commands.handling import Handler
from commands.project import CreateProject
from commands.release import CutRelease
from commands.triggering import trigger
from domain.identifiers import (
    ConnectionId,
    DeploymentId,
    EnvironmentId,
    ProjectId,
    ReleaseId,
    derived,
)
from domain.project import ProjectType, RuntimeConfig
from domain.release import ReleaseCut
from tests.commands.memory import MemoryLog, MemoryNumbers, MemoryVault, caused_by

COMMIT = "c0ffee" + 34 * "0"


class Plane:
    """The use cases over one log in memory, with short names for what a test says often."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.handler = Handler(self.log)
        self.numbers = MemoryNumbers()
        self.vault = MemoryVault(self.log)
        self.causations = 0

    def next(self, tenant: str = "acme") -> Any:
        """The context of one more request."""
        self.causations += 1
        return caused_by(f"request {self.causations}", tenant)

    def facts(self) -> list[object]:
        """All that happened."""
        return [recorded.fact for recorded in self.log.recorded]

    async def connect(self, tenant: str = "acme", name: str = "shop") -> ConnectionId:
        """A repository that projects may be built from."""
        connection = ConnectionId(f"connection {tenant} {name}")
        await connect_repository(
            self.handler,
            self.vault,
            self.next(tenant),
            connection_id=connection,
            name=name,
            url="https://example.com/shop.git",
        )
        return connection

    async def create(self, tenant: str = "acme", name: str = "Shop") -> tuple[ProjectId, EnvironmentId]:
        """A project with its production environment."""
        connection = await self.connect(tenant, name)
        context = self.next(tenant)
        command = CreateProject(
            project_id=ProjectId(derived(context.causation_id, "project")),
            environment_id=EnvironmentId(derived(context.causation_id, "environment")),
            name=name,
            type=ProjectType.STATIC,
            connection_id=connection,
        )
        await create_project(self.handler, context, command)
        return command.project_id, command.environment_id

    async def trigger(
        self, project: ProjectId, environment: EnvironmentId, context: Any = None, **fields: Any
    ) -> DeploymentId:
        """A queued deployment."""
        context = context or self.next()
        identity = DeploymentId(derived(context.causation_id, "deployment"))
        await trigger(
            self.handler,
            self.numbers,
            context,
            deployment_id=identity,
            project_id=project,
            environment_id=environment,
            **fields,
        )
        return identity

    async def release(self, environment: EnvironmentId, number: int) -> ReleaseId:
        """A release that was made live by deployment ``number``."""
        release, deployment = ReleaseId(f"{environment} {number}"), DeploymentId(f"deployment {number}")
        cut = ReleaseCut(
            release_id=release,
            deployment_id=deployment,
            deployment_number=number,
            project_id=ProjectId("project"),
            environment_id=environment,
            branch="main",
            commit=COMMIT,
            commit_message="Sell coffee",
            artifact="digest",
            artifact_bytes=1,
            runtime=RuntimeConfig(),
        )
        await self.handler.handle(CutRelease(release_id=release, cut=cut), self.next())
        begun = await self.handler.handle(
            BeginActivation(
                environment_id=environment,
                release_id=release,
                deployment_id=deployment,
                deployment_number=number,
                fencing_token=1,
            ),
            self.next(),
        )
        await self.handler.handle(
            CompleteActivation(environment_id=environment, activation=begun.version // 2 + 1, release_id=release),
            self.next(),
        )
        return release


def tell(story: Coroutine[Any, Any, None]) -> None:
    """Run a story to its end."""
    asyncio.run(story)
