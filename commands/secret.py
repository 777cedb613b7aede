"""Secret variables: what may be asked. Values are sealed before and travel beside the facts."""

import re
from collections.abc import Sequence

from commands.checks import check, invalid
from commands.command import Command
from commands.decider import Decider
from domain.identifiers import EnvironmentId, ProjectId, SecretId
from domain.limits import Place
from domain.rejection import Conflict, NotFound
from domain.secret import (
    Event,
    Secret,
    SecretRemoved,
    SecretRotated,
    SecretScope,
    SecretSet,
    SecretValuesDeleted,
    evolve,
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
RESERVED = frozenset(
    {"PORT", "HOST", "HOME", "PATH", "PWD", "SHELL", "TMPDIR", "USER", "LD_PRELOAD", "LD_LIBRARY_PATH"}
)
"""Variables that Shipbook itself gives to a build or an application."""
LARGEST_VALUE = 64 * 1024
"""In bytes of UTF-8."""
NOT_IN_A_VARIABLE = re.compile(r"[\x00\ud800-\udfff]")


class SetSecret(Command):
    """Keep a new secret variable."""

    secret_id: SecretId
    name: str
    scope: SecretScope
    fingerprint: str
    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None
    place: Place | None = None


class RotateSecret(Command):
    """Give a secret another value, which was sealed as ``version``."""

    secret_id: SecretId
    version: int
    fingerprint: str


class RemoveSecret(Command):
    """Let later releases do without the secret."""

    secret_id: SecretId


class DeleteValues(Command):
    """Delete the values of a removed secret but those of the ``pinned`` versions, which releases have."""

    secret_id: SecretId
    pinned: frozenset[int]


SecretCommand = SetSecret | RotateSecret | RemoveSecret | DeleteValues


def decide(command: SecretCommand, state: Secret) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case SetSecret():
            return [] if state.set else _set(command)
        case RotateSecret():
            name = require_secret(state).name
            if command.version != state.version + 1:
                raise Conflict("Somebody else has just rotated the secret. Try again.", code="busy")
            return [
                SecretRotated(
                    secret_id=command.secret_id, name=name, version=command.version, fingerprint=command.fingerprint
                )
            ]
        case RemoveSecret():
            return [SecretRemoved(secret_id=command.secret_id, name=require_secret(state).name)]
        case DeleteValues():
            return _deleted(command, state)


def require_secret(state: Secret) -> SecretSet:
    """How it was set; refuse where it never was, or was removed."""
    if state.set is None or state.removed:
        raise NotFound("There is no such secret.")
    return state.set


def require_value(value: str) -> None:
    """Refuse a value that cannot be a variable's."""
    if wrong := wrong_value(value):
        raise invalid("value", wrong)


def wrong_value(value: str) -> str | None:
    """Why the value cannot be a variable's, without showing it."""
    if not value or NOT_IN_A_VARIABLE.search(value) or len(value.encode()) > LARGEST_VALUE:
        return f"must be 1 to {LARGEST_VALUE} bytes of UTF-8 without a null character"
    return None


def _set(command: SetSecret) -> Sequence[Event]:
    check([("name", wrong_name(command.name)), ("scope", _scope(command))])
    return [
        SecretSet(
            secret_id=command.secret_id,
            name=command.name,
            scope=command.scope,
            fingerprint=command.fingerprint,
            project_id=command.project_id,
            environment_id=command.environment_id,
            place=command.place,
        )
    ]


def _deleted(command: DeleteValues, state: Secret) -> Sequence[Event]:
    if state.set is None or not state.removed:
        raise Conflict("The secret is in use: its values are kept.")
    left = {*range(1, state.version + 1)} - state.deleted
    versions = tuple(sorted(left - command.pinned))
    if not versions:
        return []
    kept = len(left) - len(versions)
    return [SecretValuesDeleted(secret_id=command.secret_id, name=state.set.name, versions=versions, kept=kept)]


def wrong_name(name: str) -> str | None:
    """Why it cannot be a secret's name."""
    if not NAME.fullmatch(name):
        return f"'{name}' is not a variable's name; use letters, digits and '_', such as DATABASE_URL"
    return f"'{name}' is set by Shipbook itself; choose another name" if name in RESERVED else None


def _scope(command: SetSecret) -> str | None:
    names = (command.project_id is not None, command.environment_id is not None)
    match command.scope:
        case SecretScope.WORKSPACE:
            return "a workspace's secret names neither project nor environment" if any(names) else None
        case SecretScope.PROJECT:
            return None if names == (True, False) else "a project's secret names projectId alone"
        case SecretScope.ENVIRONMENT:
            return None if all(names) else "an environment's secret names projectId and environmentId"


DECIDER = Decider(category="secret", initial=Secret(), decide=decide, evolve=evolve)
