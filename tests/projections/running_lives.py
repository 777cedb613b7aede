"""What the instances of an environment may live through, and the rollout of a configuration."""

from collections.abc import Iterator

from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentRestarted,
    EnvironmentStopped,
    Launch,
    ReleaseActivated,
    RestartCause,
    RestartPostponed,
    RestartStarted,
    Upstream,
)
from domain.fact import Fact
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId
from domain.keeping import ReleaseExpired, ReleasePinned, ReleaseUnpinned
from domain.project import RuntimeConfig, RuntimeRolledOut

THREE = RuntimeConfig(instances=3, start_command="node .")
HERE = (Upstream(host="127.0.0.1", port=5000),)


def life(environment: EnvironmentId) -> Iterator[Fact]:
    """An environment that is deployed to, restarted, stopped, started in vain, and started again."""
    release = ReleaseId(f"release of {environment}")
    yield _begun(environment, release, 1)
    yield RestartPostponed(environment_id=environment, runtime=THREE)
    yield ReleaseActivated(
        environment_id=environment, activation=1, release_id=release, former_release_id=None, upstreams=HERE
    )
    yield _restarting(environment, release, 2, RestartCause.CONFIGURED)
    yield _restarted(environment, release, 2)
    yield _restarting(environment, release, 3, RestartCause.ASKED)
    yield EnvironmentStopped(environment_id=environment, activation=4, release_id=release, reason="It is night.")
    yield _restarting(environment, release, 5, RestartCause.STOPPED)
    yield ActivationFailed(environment_id=environment, activation=5, release_id=release, error="It did not answer.")
    yield _restarting(environment, release, 6, RestartCause.STOPPED)
    yield _restarted(environment, release, 6)
    yield ReleasePinned(environment_id=environment, release_id=release, deployment_number=1, reason="It is loved.")
    yield ReleaseUnpinned(environment_id=environment, release_id=release, deployment_number=1)
    yield ReleaseExpired(environment_id=environment, release_id=release, deployment_number=1)


def rollout(project: ProjectId) -> Iterator[Fact]:
    """A configuration that is rolled out."""
    yield RuntimeRolledOut(project_id=project, runtime=THREE, environments=(EnvironmentId("here"),))


def _begun(environment: EnvironmentId, release: ReleaseId, activation: int) -> ActivationStarted:
    return ActivationStarted(
        environment_id=environment,
        activation=activation,
        release_id=release,
        deployment_id=DeploymentId("deployment"),
        deployment_number=1,
        fencing_token=1,
    )


def _restarting(environment: EnvironmentId, release: ReleaseId, activation: int, cause: RestartCause) -> RestartStarted:
    return RestartStarted(
        environment_id=environment, activation=activation, release_id=release, runtime=THREE, cause=cause
    )


def _restarted(environment: EnvironmentId, release: ReleaseId, activation: int) -> EnvironmentRestarted:
    launch = Launch(number=activation, runtime=THREE)
    return EnvironmentRestarted(
        environment_id=environment, activation=activation, release_id=release, launch=launch, upstreams=HERE
    )
