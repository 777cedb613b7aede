"""A secret variable: set, rotated version by version, removed."""

import pytest
from msgspec.structs import replace

from commands.secret import (
    DECIDER,
    LARGEST_VALUE,
    RESERVED,
    DeleteValues,
    RemoveSecret,
    RotateSecret,
    SecretCommand,
    SetSecret,
    require_value,
)
from domain.identifiers import EnvironmentId, ProjectId, SecretId
from domain.rejection import Conflict, Invalid, NotFound
from domain.secret import SecretRemoved, SecretRotated, SecretScope, SecretSet, SecretValuesDeleted
from tests.commands.specification import specification

given = specification(DECIDER)

ID, PROJECT, LIVE = SecretId("secret"), ProjectId("project"), EnvironmentId("environment")
SET = SetSecret(secret_id=ID, name="DATABASE_URL", scope=SecretScope.WORKSPACE, fingerprint="f1")
WAS_SET = SecretSet(secret_id=ID, name="DATABASE_URL", scope=SecretScope.WORKSPACE, fingerprint="f1")
REMOVE = RemoveSecret(secret_id=ID)
REMOVED = SecretRemoved(secret_id=ID, name="DATABASE_URL")


def rotate(version: int) -> RotateSecret:
    return RotateSecret(secret_id=ID, version=version, fingerprint=f"f{version}")


def rotated(version: int) -> SecretRotated:
    return SecretRotated(secret_id=ID, name="DATABASE_URL", version=version, fingerprint=f"f{version}")


def delete(*pinned: int) -> DeleteValues:
    return DeleteValues(secret_id=ID, pinned=frozenset(pinned))


def deleted(*versions: int, kept: int) -> SecretValuesDeleted:
    return SecretValuesDeleted(secret_id=ID, name="DATABASE_URL", versions=versions, kept=kept)


class TestSetting:
    @pytest.mark.parametrize(
        ("scope", "project", "environment"),
        [
            (SecretScope.WORKSPACE, None, None),
            (SecretScope.PROJECT, PROJECT, None),
            (SecretScope.ENVIRONMENT, PROJECT, LIVE),
        ],
    )
    def test_a_scope_names_its_place(
        self, scope: SecretScope, project: ProjectId | None, environment: EnvironmentId | None
    ) -> None:
        place = {"scope": scope, "project_id": project, "environment_id": environment}
        given().when(replace(SET, **place)).then(replace(WAS_SET, **place))

    @pytest.mark.parametrize(
        ("scope", "project", "environment"),
        [
            (SecretScope.WORKSPACE, PROJECT, None),
            (SecretScope.WORKSPACE, None, LIVE),
            (SecretScope.PROJECT, None, None),
            (SecretScope.PROJECT, PROJECT, LIVE),
            (SecretScope.ENVIRONMENT, PROJECT, None),
            (SecretScope.ENVIRONMENT, None, LIVE),
        ],
    )
    def test_a_scope_with_another_place_is_refused(
        self, scope: SecretScope, project: ProjectId | None, environment: EnvironmentId | None
    ) -> None:
        misplaced = replace(SET, scope=scope, project_id=project, environment_id=environment)
        given().when(misplaced).then_refused(Invalid, field="scope")

    @pytest.mark.parametrize("name", ["A", "_a9", "x" * 128])
    def test_a_variables_name_is_taken(self, name: str) -> None:
        given().when(replace(SET, name=name)).then(replace(WAS_SET, name=name))

    @pytest.mark.parametrize("name", ["", "9A", "A-B", "A B", "Ä", "A\n", "x" * 129, *sorted(RESERVED)])
    def test_any_other_name_is_refused(self, name: str) -> None:
        given().when(replace(SET, name=name)).then_refused(Invalid, field="name")

    def test_twice_sets_it_once(self) -> None:
        given(WAS_SET).when(SET).then_nothing()
        given(WAS_SET, REMOVED).when(SET).then_nothing()


class TestRotating:
    def test_makes_the_next_version(self) -> None:
        given(WAS_SET).when(rotate(2)).then(rotated(2))
        given(WAS_SET, rotated(2)).when(rotate(3)).then(rotated(3))

    @pytest.mark.parametrize("version", [0, 1, 2, 4])
    def test_with_a_value_sealed_for_another_version_is_refused(self, version: int) -> None:
        given(WAS_SET, rotated(2)).when(rotate(version)).then_refused(Conflict, "busy")


class TestDeletingValues:
    def test_deletes_those_of_a_removed_secret_that_no_release_has(self) -> None:
        given(WAS_SET, rotated(2), rotated(3), REMOVED).when(delete(2)).then(deleted(1, 3, kept=1))
        given(WAS_SET, rotated(2), REMOVED, deleted(1, kept=1)).when(delete()).then(deleted(2, kept=0))

    def test_twice_deletes_them_once(self) -> None:
        given(WAS_SET, rotated(2), REMOVED, deleted(1, kept=1)).when(delete(2)).then_nothing()
        given(WAS_SET, REMOVED, deleted(1, kept=0)).when(delete()).then_nothing()

    def test_of_a_secret_in_use_is_refused(self) -> None:
        given(WAS_SET).when(delete()).then_refused(Conflict)
        given().when(delete()).then_refused(Conflict)


class TestRemoving:
    def test_removes_the_secret(self) -> None:
        given(WAS_SET).when(REMOVE).then(REMOVED)

    @pytest.mark.parametrize("command", [rotate(2), REMOVE], ids=["rotate", "remove"])
    def test_afterwards_and_before_there_is_nothing_to_change(self, command: SecretCommand) -> None:
        given().when(command).then_refused(NotFound)
        given(WAS_SET, REMOVED).when(command).then_refused(NotFound)


@pytest.mark.parametrize("value", ["x", "x" * LARGEST_VALUE, "several\nlines", "ü" * (LARGEST_VALUE // 2)])
def test_a_value_that_a_variable_can_hold_is_right(value: str) -> None:
    require_value(value)


@pytest.mark.parametrize("value", ["", "x" * (LARGEST_VALUE + 1), "ü" * (LARGEST_VALUE // 2 + 1), "a\x00b", "\ud800"])
def test_a_value_that_a_variable_cannot_hold_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(Invalid) as caught:
        require_value(value)
    assert not value or value not in caught.value.message
