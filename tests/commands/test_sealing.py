"""Secrets: sealed version by version, never shown."""

from typing import Any

import pytest

from commands.handling import Caused
from commands.ports import SecretValue
from commands.sealing import rotate_secret, set_secret
from commands.secret import RemoveSecret
from domain.identifiers import (
    ProjectId,
    SecretId,
    derived,
)
from domain.rejection import Invalid, NameTaken, NotFound
from domain.secret import SecretRotated, SecretScope, SecretSet
from tests.commands.plane import Plane, tell


class TestSealing:
    async def set(self, plane: Plane, value: str = "hunter2", tenant: str = "acme", **place: Any) -> Caused:
        context = plane.next(tenant)
        return await set_secret(
            plane.handler,
            plane.vault,
            context,
            secret_id=SecretId(derived(context.causation_id, "secret")),
            name="API_KEY",
            value=SecretValue(value),
            **{"scope": SecretScope.WORKSPACE, **place},
        )

    def test_each_version_is_sealed_and_none_is_in_a_fact(self) -> None:
        async def story() -> None:
            plane = Plane()
            first = (await self.set(plane)).facts[0].fact
            assert isinstance(first, SecretSet)
            rotated = await rotate_secret(
                plane.handler, plane.vault, plane.next(), secret_id=first.secret_id, value=SecretValue("hunter3")
            )
            second = rotated.facts[0].fact
            assert isinstance(second, SecretRotated)
            assert (first.version, second.version) == (1, 2)
            assert first.fingerprint != second.fingerprint
            values = [(await plane.vault.open("acme", first.secret_id, version)).reveal for version in (1, 2)]
            assert values == ["hunter2", "hunter3"]
            assert "hunter" not in repr(plane.log.recorded)

        tell(story())

    def test_a_repeated_rotation_makes_one_version_and_keeps_the_first_value(self) -> None:
        async def story() -> None:
            plane = Plane()
            fact = (await self.set(plane)).facts[0].fact
            assert isinstance(fact, SecretSet)
            context = plane.next()
            for value in ("hunter3", "hunter4"):
                caused = await rotate_secret(
                    plane.handler, plane.vault, context, secret_id=fact.secret_id, value=SecretValue(value)
                )
            assert caused.replayed
            assert [sealed.version for sealed in plane.log.sealed] == [1, 2]
            assert (await plane.vault.open("acme", fact.secret_id, 2)).reveal == "hunter3"

        tell(story())

    def test_a_name_is_taken_once_a_scope(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, environment = await plane.create()
            places: list[dict[str, Any]] = [
                {},
                {"scope": SecretScope.PROJECT, "project_id": project},
                {"scope": SecretScope.ENVIRONMENT, "project_id": project, "environment_id": environment},
            ]
            for place in places:
                await self.set(plane, **place)
                with pytest.raises(NameTaken):
                    await self.set(plane, **place)
            await self.set(plane, tenant="globex")

        tell(story())

    def test_the_name_of_a_removed_secret_is_free_again(self) -> None:
        async def story() -> None:
            plane = Plane()
            fact = (await self.set(plane)).facts[0].fact
            assert isinstance(fact, SecretSet)
            await plane.handler.handle(RemoveSecret(secret_id=fact.secret_id), plane.next())
            assert (await self.set(plane)).version == 1

        tell(story())

    def test_a_place_that_is_unknown_or_foreign_is_not_found(self) -> None:
        async def story() -> None:
            plane = Plane()
            project, _ = await plane.create()
            foreign, there = await plane.create("globex", "Other")
            for place in (
                {"scope": SecretScope.PROJECT, "project_id": ProjectId("unknown")},
                {"scope": SecretScope.PROJECT, "project_id": foreign},
                {"scope": SecretScope.ENVIRONMENT, "project_id": project, "environment_id": there},
            ):
                with pytest.raises(NotFound):
                    await self.set(plane, **place)

        tell(story())

    def test_a_value_that_no_variable_can_hold_is_refused_before_anything_is_sealed(self) -> None:
        async def story() -> None:
            plane = Plane()
            with pytest.raises(Invalid):
                await self.set(plane, "a\x00b")
            assert (plane.facts(), plane.log.sealed) == ([], [])

        tell(story())

    def test_a_removed_or_foreign_secret_cannot_be_rotated(self) -> None:
        async def story() -> None:
            plane = Plane()
            fact = (await self.set(plane, tenant="globex")).facts[0].fact
            assert isinstance(fact, SecretSet)
            for secret_id in (fact.secret_id, SecretId("unknown")):
                with pytest.raises(NotFound):
                    await rotate_secret(
                        plane.handler, plane.vault, plane.next(), secret_id=secret_id, value=SecretValue("x")
                    )

        tell(story())


def test_a_secret_value_never_shows_itself() -> None:
    value = SecretValue("hunter2")
    assert {repr(value), str(value), f"{value}", f"{[value]!r}"} == {"[redacted]", "[[redacted]]"}
