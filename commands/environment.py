"""Making releases live in an environment: what may be asked."""

from collections.abc import Sequence

from commands import checks
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    Environment,
    EnvironmentClosed,
    EnvironmentRolledBack,
    Event,
    InstancesMoved,
    ReleaseActivated,
    Upstream,
    evolve,
)
from domain.identifiers import DeploymentId, EnvironmentId, ReleaseId
from domain.rejection import Conflict, Invalid, StaleLease
from domain.release import ReleaseCut


class BeginActivation(Command):
    """Start to make a deployment's release live, as the holder of its lease; outranks every earlier activation."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    deployment_id: DeploymentId
    deployment_number: int
    fencing_token: int


class RollBackEnvironment(Command):
    """Make an earlier release live again, without building."""

    environment_id: EnvironmentId
    release: ReleaseCut
    reason: str | None = None


class CompleteActivation(Command):
    """Report that the release is healthy, so that requests go to it."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    upstreams: tuple[Upstream, ...] = ()


class FailActivation(Command):
    """Report that the release did not become healthy."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    error: str


class MoveInstances(Command):
    """Report where the active release's instances listen after they were started again."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    upstreams: tuple[Upstream, ...]


class CloseEnvironment(Command):
    """Let nothing be live there any more, as the environment is deleted."""

    environment_id: EnvironmentId


EnvironmentCommand = (
    BeginActivation | RollBackEnvironment | CompleteActivation | FailActivation | MoveInstances | CloseEnvironment
)


def decide(command: EnvironmentCommand, state: Environment) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    if state.closed:
        return _closed(command)
    match command:
        case CloseEnvironment():
            return [EnvironmentClosed(environment_id=command.environment_id, former_release_id=state.active)]
        case BeginActivation():
            return _begin(command, state)
        case RollBackEnvironment():
            return _roll_back(command, state)
        case CompleteActivation():
            return _complete(command, state)
        case FailActivation():
            _require_newest(command, state)
            if state.activating is None:
                return []
            return [
                ActivationFailed(
                    environment_id=command.environment_id,
                    activation=command.activation,
                    release_id=command.release_id,
                    error=checks.shown(command.error),
                )
            ]
        case MoveInstances():
            if state.active != command.release_id or state.upstreams == command.upstreams:
                return []
            return [
                InstancesMoved(
                    environment_id=command.environment_id,
                    release_id=command.release_id,
                    upstreams=command.upstreams,
                )
            ]


def _closed(command: EnvironmentCommand) -> Sequence[Event]:
    """Nothing happens any more, and who would make something live is told."""
    if isinstance(command, CloseEnvironment | MoveInstances | FailActivation):
        return []
    raise Conflict("The environment was deleted.", code="environment_deleted")


def _begin(command: BeginActivation, state: Environment) -> Sequence[Event]:
    _require_latest(command, state)
    if state.newest == state.active == command.release_id:
        return []
    return [
        ActivationStarted(
            environment_id=command.environment_id,
            activation=state.activation + 1,
            release_id=command.release_id,
            deployment_id=command.deployment_id,
            deployment_number=command.deployment_number,
            fencing_token=command.fencing_token,
        )
    ]


def _require_latest(command: BeginActivation, state: Environment) -> None:
    """Later deployments outrank earlier ones, a rollback the deployment before it, a later lease an earlier one."""
    if command.deployment_number > state.deployment_number:
        return
    if command.deployment_number < state.deployment_number or command.release_id != state.newest:
        raise Conflict("A later deployment or a rollback has overtaken this one.", code="superseded")
    if command.fencing_token < state.fencing_token:
        raise StaleLease(f"Lease {command.fencing_token} was outranked by lease {state.fencing_token}.")


def _roll_back(command: RollBackEnvironment, state: Environment) -> Sequence[Event]:
    release_id = command.release.release_id
    check([("reason", checks.text(command.reason, 500))])
    if command.release.environment_id != command.environment_id:
        raise Invalid("The release belongs to another environment. Choose one of this environment's releases.")
    if state.activating is None and state.active == release_id:
        raise Conflict("The release is already active. Choose an earlier one.", code="already_active")
    if state.activating == release_id:
        return []
    return [
        EnvironmentRolledBack(
            environment_id=command.environment_id,
            activation=state.activation + 1,
            release_id=release_id,
            former_release_id=state.active,
            reason=command.reason,
        )
    ]


def _complete(command: CompleteActivation, state: Environment) -> Sequence[Event]:
    _require_newest(command, state)
    if state.activating is None:
        if state.active == command.release_id:
            return []
        raise StaleLease("The activation has already failed.")
    return [
        ReleaseActivated(
            environment_id=command.environment_id,
            activation=command.activation,
            release_id=command.release_id,
            former_release_id=state.active,
            upstreams=command.upstreams,
        )
    ]


def _require_newest(report: CompleteActivation | FailActivation, state: Environment) -> None:
    if report.activation != state.activation:
        raise StaleLease(f"Activation {report.activation} was outranked by activation {state.activation}.")
    if report.release_id != state.newest:
        raise Invalid(f"Activation {report.activation} makes another release live than '{report.release_id}'.")


DECIDER = Decider(category="environment", initial=Environment(), decide=decide, evolve=evolve)
