"""Where exactly one release of a project is active.

Making a release live is an *activation*. Activations of an environment are numbered; a later one outranks every
earlier one, as a later lease outranks an earlier lease, so two that overlap end with exactly one active release. A
restart is an activation as well: of the active release, with a configuration of its own.
"""

from enum import StrEnum

from msgspec.structs import replace

from domain import keeping
from domain.fact import Fact, Value
from domain.identifiers import DeploymentId, EnvironmentId, ReleaseId
from domain.keeping import Keeping, ReleaseExpired, ReleasePinned, ReleaseUnpinned
from domain.project import RuntimeConfig


class Upstream(Value):
    """Where one instance of a release listens."""

    host: str
    port: int


class Launch(Value):
    """Instances of one release that were started together.

    Those of number 0 are started by deployments and rollbacks, and run as the release says. Others bear the number of
    the restart that started them beside those that ran, and run with its ``runtime``.
    """

    number: int = 0
    runtime: RuntimeConfig | None = None


class RestartCause(StrEnum):
    """Why the active release is started anew."""

    ASKED = "asked"
    CONFIGURED = "configured"
    """Its project's runtime configuration has changed."""
    STOPPED = "stopped"
    """Nothing ran."""


class ActivationStarted(Fact, tag="environment.activation-started"):
    """A deployment's release is being made live beside the active one, by whoever holds lease ``fencing_token``."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    deployment_id: DeploymentId
    deployment_number: int
    fencing_token: int


class EnvironmentRolledBack(Fact, tag="environment.rolled-back"):
    """Somebody asked for an earlier release; its activation starts with this."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    former_release_id: ReleaseId | None
    reason: str | None = None


class ReleaseActivated(Fact, tag="environment.release-activated"):
    """Requests are answered by this release. ``upstreams`` is empty for a static site."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    former_release_id: ReleaseId | None
    upstreams: tuple[Upstream, ...] = ()


class ActivationFailed(Fact, tag="environment.activation-failed"):
    """The release did not become healthy; the former one goes on serving."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    error: str


class InstancesMoved(Fact, tag="environment.instances-moved"):
    """The active release's instances listen elsewhere, after a machine restart for example."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    upstreams: tuple[Upstream, ...]


class RestartStarted(Fact, tag="environment.restart-started"):
    """The active release is being started anew with ``runtime``, beside the instances that run, if any do."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    runtime: RuntimeConfig
    cause: RestartCause
    reason: str | None = None


class RestartPostponed(Fact, tag="environment.restart-postponed"):
    """Another release is being made live. Once that has ended, what is active then is restarted with ``runtime``."""

    environment_id: EnvironmentId
    runtime: RuntimeConfig


class EnvironmentRestarted(Fact, tag="environment.restarted"):
    """Requests are answered by instances of the active release that were started for ``launch``."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId
    launch: Launch
    upstreams: tuple[Upstream, ...] = ()


class EnvironmentStopped(Fact, tag="environment.stopped"):
    """Nothing runs here until somebody starts it again or deploys. It outranks an activation that was under way."""

    environment_id: EnvironmentId
    activation: int
    release_id: ReleaseId | None
    """What was active, and is again after a start."""
    reason: str | None = None


class EnvironmentClosed(Fact, tag="environment.closed"):
    """The environment was deleted: nothing is live there any more, and nothing will be."""

    environment_id: EnvironmentId
    former_release_id: ReleaseId | None


Event = (
    ActivationStarted
    | EnvironmentRolledBack
    | ReleaseActivated
    | ActivationFailed
    | InstancesMoved
    | RestartStarted
    | RestartPostponed
    | EnvironmentRestarted
    | EnvironmentStopped
    | EnvironmentClosed
    | keeping.Event
)


class Environment(Value):
    """What later decisions need of an environment."""

    active: ReleaseId | None = None
    former: ReleaseId | None = None
    """The release that was replaced last."""
    upstreams: tuple[Upstream, ...] = ()
    launch: Launch = Launch()
    """The instances of the active release."""
    stopped: bool = False
    activation: int = 0
    """The newest activation, whether under way or ended."""
    newest: ReleaseId | None = None
    """The release that the newest activation makes or made live."""
    activating: ReleaseId | None = None
    """The same while the activation is under way."""
    launching: Launch = Launch()
    """The instances that the newest activation starts or started."""
    unattended: bool = False
    """Whether the newest activation is a rollback's or a restart's, so that any executor carries it out."""
    postponed: RuntimeConfig | None = None
    """What the active release is restarted with as soon as the activation under way has ended."""
    deployment_number: int = 0
    """The newest deployment that began an activation here."""
    fencing_token: int = 0
    """The lease under which it did."""
    closed: bool = False
    keeping: Keeping = Keeping()


def evolve(state: Environment, fact: Event) -> Environment:
    """The environment after ``fact``."""
    match fact:
        case ActivationStarted():
            return replace(
                state,
                activation=fact.activation,
                newest=fact.release_id,
                activating=fact.release_id,
                launching=Launch(),
                unattended=False,
                deployment_number=fact.deployment_number,
                fencing_token=fact.fencing_token,
            )
        case EnvironmentRolledBack():
            return _unattended(state, fact, Launch())
        case RestartStarted():
            return _unattended(state, fact, Launch(number=fact.activation, runtime=fact.runtime))
        case ReleaseActivated():
            replaced = fact.former_release_id if fact.former_release_id != fact.release_id else state.former
            return _live(replace(state, former=replaced), fact, Launch())
        case EnvironmentRestarted():
            return _live(state, fact, fact.launch)
        case RestartPostponed():
            return replace(state, postponed=fact.runtime)
        case EnvironmentStopped():
            return _stopped(state, fact)
        case ActivationFailed():
            return replace(state, activating=None, postponed=None)
        case InstancesMoved():
            return replace(state, upstreams=fact.upstreams)
        case EnvironmentClosed():
            return replace(state, closed=True, active=None, upstreams=(), activating=None)
        case ReleasePinned() | ReleaseUnpinned() | ReleaseExpired():
            return replace(state, keeping=keeping.evolve(state.keeping, fact))


def _unattended(state: Environment, fact: EnvironmentRolledBack | RestartStarted, launching: Launch) -> Environment:
    return replace(
        state,
        activation=fact.activation,
        newest=fact.release_id,
        activating=fact.release_id,
        launching=launching,
        unattended=True,
    )


def _live(state: Environment, fact: ReleaseActivated | EnvironmentRestarted, launch: Launch) -> Environment:
    return replace(
        state,
        active=fact.release_id,
        upstreams=fact.upstreams,
        launch=launch,
        activating=None,
        postponed=None,
        stopped=False,
    )


def _stopped(state: Environment, fact: EnvironmentStopped) -> Environment:
    return replace(
        state,
        activation=fact.activation,
        newest=state.active,
        activating=None,
        launching=Launch(),
        unattended=False,
        postponed=None,
        upstreams=(),
        stopped=True,
    )
