"""Where exactly one release of a project is active.

Making a release live is an *activation*. Activations of an environment are numbered; a later one outranks every
earlier one, as a later lease outranks an earlier lease, so two that overlap end with exactly one active release.
"""

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import DeploymentId, EnvironmentId, ReleaseId


class Upstream(Value):
    """Where one instance of a release listens."""

    host: str
    port: int


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


class EnvironmentClosed(Fact, tag="environment.closed"):
    """The environment was deleted: nothing is live there any more, and nothing will be."""

    environment_id: EnvironmentId
    former_release_id: ReleaseId | None


Event = (
    ActivationStarted | EnvironmentRolledBack | ReleaseActivated | ActivationFailed | InstancesMoved | EnvironmentClosed
)


class Environment(Value):
    """What later decisions need of an environment."""

    active: ReleaseId | None = None
    upstreams: tuple[Upstream, ...] = ()
    activation: int = 0
    """The newest activation, whether under way or ended."""
    newest: ReleaseId | None = None
    """The release that the newest activation makes or made live."""
    activating: ReleaseId | None = None
    """The same while the activation is under way."""
    rolling_back: bool = False
    """Whether the newest activation is a rollback's."""
    deployment_number: int = 0
    """The newest deployment that began an activation here."""
    fencing_token: int = 0
    """The lease under which it did."""
    closed: bool = False


def evolve(state: Environment, fact: Event) -> Environment:
    """The environment after ``fact``."""
    match fact:
        case ActivationStarted():
            return replace(
                state,
                activation=fact.activation,
                newest=fact.release_id,
                activating=fact.release_id,
                rolling_back=False,
                deployment_number=fact.deployment_number,
                fencing_token=fact.fencing_token,
            )
        case EnvironmentRolledBack():
            return replace(
                state, activation=fact.activation, newest=fact.release_id, activating=fact.release_id, rolling_back=True
            )
        case ReleaseActivated():
            return replace(state, active=fact.release_id, upstreams=fact.upstreams, activating=None)
        case ActivationFailed():
            return replace(state, activating=None)
        case InstancesMoved():
            return replace(state, upstreams=fact.upstreams)
        case EnvironmentClosed():
            return replace(state, closed=True, active=None, upstreams=(), activating=None)
