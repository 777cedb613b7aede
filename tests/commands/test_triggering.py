"""Asking for a deployment, asking again, and rolling back."""

import pytest

from commands.deployment import CancelDeployment, LeaseDeployment, ResolveCommit
from commands.ports import Request, RequestReused
from commands.project import BuildChanges, ChangeProject, ConfigureBuild
from commands.repository import DisconnectRepository
from commands.rolling_back import roll_back
from commands.triggering import retry
from domain.deployment import DeploymentQueued
from domain.environment import EnvironmentRolledBack
from domain.identifiers import (
    CausationId,
    ConnectionId,
    DeploymentId,
    EnvironmentId,
    ExecutorId,
    ProjectId,
    ReleaseId,
    derived,
)
from domain.rejection import Conflict, NotFound
from tests.commands.plane import COMMIT, Plane, tell


class TestTriggering:
    def test_takes_the_projects_recipe_as_it_stands(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            await plane.trigger(project, environment)
            changes = BuildChanges(build_command="make")
            await plane.handler.handle(ConfigureBuild(project_id=project, changes=changes), plane.next())
            await plane.trigger(project, environment, branch="next", note="Try")
            first, second = [fact for fact in plane.facts() if isinstance(fact, DeploymentQueued)]
            assert (first.number, first.branch, first.recipe.build.build_command) == (1, "main", None)
            assert (second.number, second.branch, second.recipe.build.build_command) == (2, "next", "make")

        tell(story())

    def test_an_archived_project_is_refused(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            await plane.handler.handle(ChangeProject(project_id=project, archived=True), plane.next())
            with pytest.raises(Conflict) as caught:
                await plane.trigger(project, environment)
            assert caught.value.code == "project_archived"
            await plane.handler.handle(ChangeProject(project_id=project, archived=False), plane.next())
            await plane.trigger(project, environment)

        tell(story())

    def test_what_is_unknown_or_foreign_is_not_found(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            with pytest.raises(NotFound):
                await plane.trigger(ProjectId("unknown"), environment)
            with pytest.raises(NotFound):
                await plane.trigger(project, EnvironmentId("unknown"))
            with pytest.raises(NotFound):
                await plane.trigger(project, environment, plane.next("globex"))
            assert plane.numbers.last == {}

        tell(story())

    def test_a_project_whose_connection_is_gone_is_refused(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            connection = ConnectionId("connection acme Shop")
            await plane.handler.handle(DisconnectRepository(connection_id=connection), plane.next())
            with pytest.raises(NotFound):
                await plane.trigger(project, environment)

        tell(story())

    def test_repeated_it_answers_as_the_first_time_and_takes_no_number(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            context = plane.next()
            await plane.trigger(project, environment, context)
            await plane.handler.handle(ChangeProject(project_id=project, archived=True), plane.next())
            await plane.trigger(project, environment, context)
            assert sum(isinstance(fact, DeploymentQueued) for fact in plane.facts()) == 1
            assert list(plane.numbers.last.values()) == [1]

        tell(story())

    def test_an_idempotency_key_with_another_body_is_refused(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            context, key = plane.next(), CausationId("request")
            await plane.trigger(project, environment, context, request=Request(causation_id=key, fingerprint="1"))
            with pytest.raises(RequestReused):
                await plane.trigger(project, environment, context, request=Request(causation_id=key, fingerprint="2"))

        tell(story())


class TestRetrying:
    async def retry(self, plane: Plane, former: DeploymentId, tenant: str = "acme") -> DeploymentQueued:
        context = plane.next(tenant)
        identity = DeploymentId(derived(context.causation_id, "deployment"))
        caused = await retry(plane.handler, plane.numbers, context, deployment_id=identity, former=former)
        [recorded] = caused.facts
        assert isinstance(recorded.fact, DeploymentQueued)
        return recorded.fact

    def test_queues_the_very_commit_again_with_the_recipe_of_this_moment(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            former = await plane.trigger(project, environment, branch="next", note="Try")
            for command in (
                LeaseDeployment(deployment_id=former, executor_id=ExecutorId("executor")),
                ResolveCommit(deployment_id=former, fencing_token=1, commit=COMMIT, message="m", author="a"),
                CancelDeployment(deployment_id=former),
                ConfigureBuild(project_id=project, changes=BuildChanges(build_command="make")),
            ):
                await plane.handler.handle(command, plane.next())
            queued = await self.retry(plane, former)
            assert (queued.number, queued.branch, queued.commit, queued.note) == (2, "next", COMMIT, "Try")
            assert (queued.retry_of, queued.recipe.build.build_command) == (former, "make")

        tell(story())

    def test_an_open_unknown_or_foreign_deployment_is_refused(self) -> None:
        async def story() -> None:
            plane = Plane()
            former = await plane.trigger(*await plane.create())
            with pytest.raises(Conflict) as caught:
                await self.retry(plane, former)
            assert caught.value.code == "deployment_open"
            await plane.handler.handle(CancelDeployment(deployment_id=former), plane.next())
            with pytest.raises(NotFound):
                await self.retry(plane, DeploymentId("unknown"))
            with pytest.raises(NotFound):
                await self.retry(plane, former, "globex")

        tell(story())


class TestRollingBack:
    def test_starts_in_the_releases_own_environment(self) -> None:
        async def story() -> None:
            plane = Plane()
            shop, staging = EnvironmentId("shop"), EnvironmentId("staging")
            earlier = await plane.release(shop, 1)
            active = await plane.release(shop, 2)
            elsewhere = await plane.release(staging, 3)
            caused = await roll_back(
                plane.handler, plane.vault, plane.next(), release_id=earlier, reason="Prices are wrong."
            )
            assert [recorded.fact for recorded in caused.facts] == [
                EnvironmentRolledBack(
                    environment_id=shop,
                    activation=3,
                    release_id=earlier,
                    former_release_id=active,
                    reason="Prices are wrong.",
                )
            ]
            with pytest.raises(Conflict) as caught:
                await roll_back(plane.handler, plane.vault, plane.next(), release_id=elsewhere)
            assert caught.value.code == "already_active"

        tell(story())

    def test_an_unknown_or_foreign_release_is_not_found(self) -> None:
        async def story() -> None:
            plane = Plane()
            earlier = await plane.release(EnvironmentId("shop"), 1)
            await plane.release(EnvironmentId("shop"), 2)
            with pytest.raises(NotFound):
                await roll_back(plane.handler, plane.vault, plane.next(), release_id=ReleaseId("unknown"))
            with pytest.raises(NotFound):
                await roll_back(plane.handler, plane.vault, plane.next("globex"), release_id=earlier)

        tell(story())
