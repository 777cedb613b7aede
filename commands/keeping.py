"""Keeping releases of an environment, and letting them go: what may be asked.

An activation is decided on the same stream, so a release that is live or becomes so never expires, and one that has
expired never becomes live, whoever was faster.
"""

from collections.abc import Sequence

from commands import checks
from commands.checks import check
from commands.command import Command
from domain.environment import Environment
from domain.identifiers import EnvironmentId, ReleaseId
from domain.keeping import Event, ReleaseExpired, ReleasePinned, ReleaseUnpinned
from domain.rejection import Conflict

MOST_PINNED = 100
"""How many releases of an environment may be pinned."""


class PinRelease(Command):
    """Keep the release, however many follow it."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    deployment_number: int
    reason: str | None = None


class UnpinRelease(Command):
    """Keep the release as long as any other."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    deployment_number: int


class ExpireRelease(Command):
    """Let the release go, unless it is in use or pinned."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    deployment_number: int


KeepingCommand = PinRelease | UnpinRelease | ExpireRelease


def decide(command: KeepingCommand, state: Environment) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case PinRelease():
            return _pin(command, state)
        case UnpinRelease():
            return _unpin(command, state)
        case ExpireRelease():
            return _expire(command, state)


def require_kept(release_id: ReleaseId, state: Environment) -> None:
    """Refuse what has expired."""
    if release_id in state.keeping.expired:
        raise Conflict(
            "The release has expired: so many followed it that what it was built to is not kept any more. "
            "Deploy its commit again instead.",
            code="release_expired",
        )


def _pin(command: PinRelease, state: Environment) -> Sequence[Event]:
    check([("reason", checks.text(command.reason, 500))])
    if state.closed:
        raise Conflict("The environment was deleted.", code="environment_deleted")
    require_kept(command.release_id, state)
    if command.release_id in state.keeping.pinned:
        return []
    if len(state.keeping.pinned) >= MOST_PINNED:
        raise Conflict(f"An environment may have {MOST_PINNED} pinned releases. Unpin one.", code="too_many_pinned")
    return [
        ReleasePinned(
            environment_id=command.environment_id,
            release_id=command.release_id,
            deployment_number=command.deployment_number,
            reason=command.reason,
        )
    ]


def _unpin(command: UnpinRelease, state: Environment) -> Sequence[Event]:
    if command.release_id not in state.keeping.pinned:
        return []
    return [
        ReleaseUnpinned(
            environment_id=command.environment_id,
            release_id=command.release_id,
            deployment_number=command.deployment_number,
        )
    ]


def _expire(command: ExpireRelease, state: Environment) -> Sequence[Event]:
    if command.release_id in state.keeping.expired or command.release_id in _wanted(state):
        return []
    return [
        ReleaseExpired(
            environment_id=command.environment_id,
            release_id=command.release_id,
            deployment_number=command.deployment_number,
        )
    ]


def _wanted(state: Environment) -> frozenset[ReleaseId | None]:
    """What never expires as things are: of a deleted environment nothing."""
    return frozenset() if state.closed else state.keeping.pinned | {state.active, state.activating, state.former}
