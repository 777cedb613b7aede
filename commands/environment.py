"""Making releases live in an environment: what may be asked."""

from collections.abc import Sequence

from commands import checks, keeping
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from commands.keeping import ExpireRelease, KeepingCommand, PinRelease, UnpinRelease, require_kept
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    Environment,
    EnvironmentClosed,
    EnvironmentRestarted,
    EnvironmentRolledBack,
    EnvironmentStopped,
    Event,
    InstancesMoved,
    ReleaseActivated,
    RestartCause,
    RestartPostponed,
    RestartStarted,
    Upstream,
    evolve,
)
from domain.identifiers import DeploymentId, EnvironmentId, ReleaseId
from domain.project import RuntimeConfig
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
    """Report where the active release's instances of one launch listen after they were started again."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    upstreams: tuple[Upstream, ...]
    launch: int = 0


class RestartEnvironment(Command):
    """Start the active release anew with ``runtime``, without building.

    ``STOPPED`` asks for this only where nothing runs; because of ``CONFIGURED`` nothing is started that was stopped,
    and what is just being made live is waited for.
    """

    environment_id: EnvironmentId
    runtime: RuntimeConfig
    cause: RestartCause = RestartCause.ASKED
    reason: str | None = None


class StopEnvironment(Command):
    """Let nothing run until somebody starts it again or deploys."""

    environment_id: EnvironmentId
    reason: str | None = None


class CloseEnvironment(Command):
    """Let nothing be live there any more, as the environment is deleted."""

    environment_id: EnvironmentId


EnvironmentCommand = (
    BeginActivation
    | RollBackEnvironment
    | CompleteActivation
    | FailActivation
    | MoveInstances
    | RestartEnvironment
    | StopEnvironment
    | CloseEnvironment
    | KeepingCommand
)


def decide(command: EnvironmentCommand, state: Environment) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    if isinstance(command, PinRelease | UnpinRelease | ExpireRelease):
        return keeping.decide(command, state)
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
            return _fail(command, state)
        case MoveInstances():
            return _move(command, state)
        case RestartEnvironment():
            return _restart(command, state)
        case StopEnvironment():
            return _stop(command, state)


def _closed(command: EnvironmentCommand) -> Sequence[Event]:
    """Nothing happens any more, and who would make something live is told."""
    if isinstance(command, CloseEnvironment | MoveInstances | FailActivation):
        return []
    raise Conflict("The environment was deleted.", code="environment_deleted")


def _begin(command: BeginActivation, state: Environment) -> Sequence[Event]:
    _require_latest(command, state)
    if state.newest == state.active == command.release_id:
        return []
    require_kept(command.release_id, state)
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
        hint = "Start the environment." if state.stopped else "Choose an earlier one."
        raise Conflict(f"The release is already active. {hint}", code="already_active")
    if state.activating == release_id:
        return []
    require_kept(release_id, state)
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
    return [_completed(command, state), *_postponed(command.environment_id, state, command.release_id)]


def _completed(command: CompleteActivation, state: Environment) -> Event:
    if state.launching.number:
        return EnvironmentRestarted(
            environment_id=command.environment_id,
            activation=command.activation,
            release_id=command.release_id,
            launch=state.launching,
            upstreams=command.upstreams,
        )
    return ReleaseActivated(
        environment_id=command.environment_id,
        activation=command.activation,
        release_id=command.release_id,
        former_release_id=state.active,
        upstreams=command.upstreams,
    )


def _fail(command: FailActivation, state: Environment) -> Sequence[Event]:
    _require_newest(command, state)
    if state.activating is None:
        return []
    failed = ActivationFailed(
        environment_id=command.environment_id,
        activation=command.activation,
        release_id=command.release_id,
        error=checks.shown(command.error),
    )
    return [failed, *_postponed(command.environment_id, state, None if state.stopped else state.active)]


def _postponed(environment_id: EnvironmentId, state: Environment, active: ReleaseId | None) -> Sequence[Event]:
    """The restart that waited for the end of the activation, if one did and something runs."""
    if state.postponed is None or active is None:
        return []
    return [
        RestartStarted(
            environment_id=environment_id,
            activation=state.activation + 1,
            release_id=active,
            runtime=state.postponed,
            cause=RestartCause.CONFIGURED,
        )
    ]


def _move(command: MoveInstances, state: Environment) -> Sequence[Event]:
    here = not state.stopped and (state.active, state.launch.number) == (command.release_id, command.launch)
    if not here or state.upstreams == command.upstreams:
        return []
    return [
        InstancesMoved(
            environment_id=command.environment_id, release_id=command.release_id, upstreams=command.upstreams
        )
    ]


def _restart(command: RestartEnvironment, state: Environment) -> Sequence[Event]:
    check([("reason", checks.text(command.reason, 500))])
    if _already_so(command, state):
        return []
    if state.activating is not None and not state.launching.number:
        return _wait(command, state)
    if state.active is None:
        raise Conflict("Nothing was ever live here. Deploy first.", code="nothing_active")
    if state.stopped and command.cause is RestartCause.ASKED:
        raise Conflict("The environment is stopped. Start it instead.", code="stopped")
    return [
        RestartStarted(
            environment_id=command.environment_id,
            activation=state.activation + 1,
            release_id=state.active,
            runtime=command.runtime,
            cause=command.cause,
            reason=command.reason,
        )
    ]


def _already_so(command: RestartEnvironment, state: Environment) -> bool:
    """Whether what is asked for is the case already, or is being done."""
    if state.activating is not None and state.launching.runtime == command.runtime:
        return True
    if state.activating is not None:
        return command.cause is RestartCause.STOPPED and not state.launching.number
    match command.cause:
        case RestartCause.STOPPED:
            return state.active is not None and not state.stopped
        case RestartCause.CONFIGURED:
            return state.active is None or state.stopped or state.launch.runtime == command.runtime
        case RestartCause.ASKED:
            return False


def _wait(command: RestartEnvironment, state: Environment) -> Sequence[Event]:
    """A deployment or a rollback is under way, and is not outranked by a mere restart."""
    if command.cause is not RestartCause.CONFIGURED:
        raise Conflict("A release is being made live here. Try again when it is.", code="activating")
    if state.postponed == command.runtime:
        return []
    return [RestartPostponed(environment_id=command.environment_id, runtime=command.runtime)]


def _stop(command: StopEnvironment, state: Environment) -> Sequence[Event]:
    check([("reason", checks.text(command.reason, 500))])
    if state.stopped and state.activating is None:
        return []
    if state.active is None and state.activating is None:
        raise Conflict("Nothing was ever live here, so nothing can be stopped.", code="nothing_active")
    return [
        EnvironmentStopped(
            environment_id=command.environment_id,
            activation=state.activation + 1,
            release_id=state.active,
            reason=command.reason,
        )
    ]


def _require_newest(report: CompleteActivation | FailActivation, state: Environment) -> None:
    if report.activation != state.activation:
        raise StaleLease(f"Activation {report.activation} was outranked by activation {state.activation}.")
    if report.release_id != state.newest:
        raise Invalid(f"Activation {report.activation} makes another release live than '{report.release_id}'.")


DECIDER = Decider(category="environment", initial=Environment(), decide=decide, evolve=evolve)
