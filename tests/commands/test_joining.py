"""Joining, connecting a repository, and making projects and environments."""

from typing import Any

import pytest

from commands.connecting import connect_repository
from commands.creating import add_environment, create_project
from commands.handling import Caused
from commands.ports import SecretValue
from commands.project import AddEnvironment, CreateProject
from commands.registering import PASSWORD, register
from commands.repository import DisconnectRepository
from domain.account import AccountRegistered
from domain.identifiers import (
    AccountId,
    ConnectionId,
    EnvironmentId,
    ProjectId,
)
from domain.project import EnvironmentAdded, ProjectType
from domain.rejection import NameTaken, NotFound
from domain.reservations import EMAIL
from domain.workspace import MemberJoined, WorkspaceCreated
from tests.commands.memory import caused_by
from tests.commands.plane import Plane, tell


class TestRegistering:
    async def register(
        self, plane: Plane, context: Any, account: str = "insider", email: str = "insider@example.com"
    ) -> Caused:
        return await register(
            plane.handler,
            plane.vault,
            context,
            account_id=AccountId(account),
            email=email,
            verifier=SecretValue("verifier"),
            workspace_name="Acme",
        )

    def test_makes_an_account_and_its_workspace_and_seals_the_verifier(self) -> None:
        async def story() -> None:
            plane = Plane()
            await self.register(plane, plane.next())
            assert [type(fact) for fact in plane.facts()] == [AccountRegistered, WorkspaceCreated, MemberJoined]
            assert (await plane.vault.open("insider", PASSWORD, 1)).reveal == "verifier"

        tell(story())

    def test_cut_off_in_the_middle_is_completed_by_asking_again(self) -> None:
        async def story() -> None:
            whole, cut = Plane(), Plane()
            await self.register(whole, caused_by("c1"))
            await self.register(cut, caused_by("c1"))
            cut.log.recorded = cut.log.recorded[:1]
            await self.register(cut, caused_by("c1"))
            assert cut.facts() == whole.facts()

        tell(story())

    def test_an_address_belongs_to_one_account_however_it_is_written(self) -> None:
        async def story() -> None:
            plane = Plane()
            await self.register(plane, plane.next())
            with pytest.raises(NameTaken) as caught:
                await self.register(plane, plane.next("globex"), "outsider", "INSIDER@Example.com")
            assert caught.value.scope == EMAIL
            assert len(plane.facts()) == 3

        tell(story())


class TestConnecting:
    def test_seals_the_credential_beside_the_fact_that_names_it(self) -> None:
        async def story() -> None:
            plane = Plane()
            connection = ConnectionId("connection")
            await connect_repository(
                plane.handler,
                plane.vault,
                plane.next(),
                connection_id=connection,
                name="shop",
                url="https://example.com/shop.git",
                credential=SecretValue("user:token"),
            )
            assert (await plane.vault.open("acme", connection, 1)).reveal == "user:token"
            assert "token" not in repr(plane.facts())

        tell(story())

    def test_a_name_is_free_again_after_disconnecting(self) -> None:
        async def story() -> None:
            plane = Plane()
            connection = await plane.connect()
            request = {"name": "shop", "url": "https://example.com/shop.git", "connection_id": ConnectionId("second")}
            with pytest.raises(NameTaken):
                await connect_repository(plane.handler, plane.vault, plane.next(), **request)
            await plane.handler.handle(DisconnectRepository(connection_id=connection), plane.next())
            await connect_repository(plane.handler, plane.vault, plane.next(), **request)

        tell(story())


class TestCreating:
    def labels(self, plane: Plane) -> list[str]:
        return [fact.environment.label for fact in plane.facts() if isinstance(fact, EnvironmentAdded)]

    def test_a_label_that_another_tenant_holds_gets_a_suffix(self) -> None:
        async def story() -> None:
            plane = Plane()
            await plane.create("acme")
            _, environment = await plane.create("globex")
            assert self.labels(plane) == ["shop", "shop-" + environment[-6:]]

        tell(story())

    def test_a_second_project_of_the_same_name_in_a_workspace_is_refused(self) -> None:
        async def story() -> None:
            plane = Plane()
            await plane.create()
            with pytest.raises(NameTaken, match="shop"):
                await create_project(
                    plane.handler,
                    plane.next(),
                    CreateProject(
                        project_id=ProjectId("second"),
                        environment_id=EnvironmentId("second"),
                        name="shop!",
                        type=ProjectType.STATIC,
                        connection_id=await plane.connect(name="another"),
                    ),
                )

        tell(story())

    def test_projects_whose_names_have_no_latin_letter_live_side_by_side(self) -> None:
        async def story() -> None:
            plane = Plane()
            await plane.create(name="Магазин")
            await plane.create(name="Склад")
            assert len(set(self.labels(plane))) == 2

        tell(story())

    def test_an_environments_label_gets_a_suffix_where_its_own_project_has_it(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, _ = await plane.create()
            first = AddEnvironment(
                project_id=project,
                environment_id=EnvironmentId("1111111a"),
                name="next",
                branch="main",
                label="shop-staging",
            )
            second = AddEnvironment(
                project_id=project, environment_id=EnvironmentId("2222222b"), name="staging", branch="main"
            )
            await add_environment(plane.handler, plane.next(), first)
            await add_environment(plane.handler, plane.next(), second)
            assert self.labels(plane) == ["shop", "shop-staging", "shop-staging-22222b"]

        tell(story())

    def test_a_label_that_was_asked_for_by_name_is_never_changed(self) -> None:
        async def story() -> None:
            plane = Plane()
            await plane.create("acme")
            project, _ = await plane.create("globex", "Other")
            wanted = AddEnvironment(
                project_id=project, environment_id=EnvironmentId("e"), name="next", branch="main", label="shop"
            )
            with pytest.raises(NameTaken):
                await add_environment(plane.handler, plane.next("globex"), wanted)

        tell(story())

    def test_a_connection_of_nobody_or_of_another_tenant_is_not_found(self) -> None:
        async def story() -> None:
            plane = Plane()
            for connection in (ConnectionId("nobody's"), await plane.connect("globex")):
                command = CreateProject(
                    project_id=ProjectId("p"),
                    environment_id=EnvironmentId("e"),
                    name="Shop",
                    type=ProjectType.STATIC,
                    connection_id=connection,
                )
                with pytest.raises(NotFound):
                    await create_project(plane.handler, plane.next("acme"), command)

        tell(story())

    def test_repeated_it_answers_as_the_first_time_even_when_the_connection_is_gone(self) -> None:
        async def story() -> None:
            plane = Plane()
            connection, context = await plane.connect(), plane.next()
            command = CreateProject(
                project_id=ProjectId("p"),
                environment_id=EnvironmentId("e"),
                name="Shop",
                type=ProjectType.STATIC,
                connection_id=connection,
            )
            first = await create_project(plane.handler, context, command)
            await plane.handler.handle(DisconnectRepository(connection_id=connection), plane.next())
            again = await create_project(plane.handler, context, command)
            assert (again.facts, again.replayed) == (first.facts, True)

        tell(story())
