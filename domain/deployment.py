"""One attempt to turn a commit into a release, and to make that release live."""

from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import AccountId, ConnectionId, DeploymentId, EnvironmentId, ExecutorId, ProjectId, ReleaseId
from domain.limits import Place
from domain.project import BuildConfig, ProjectType, RuntimeConfig
from domain.steps import StepKind


class Status(StrEnum):
    """Where a deployment stands. All but the first three are ends: nothing happens after them."""

    WAITING = "waiting"
    """For somebody to approve it."""
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"

    @property
    def ended(self) -> bool:
        """Whether nothing happens any more."""
        return self not in {Status.WAITING, Status.QUEUED, Status.RUNNING}


class Recipe(Value):
    """Everything that the build takes from the project, as it stood when the deployment was queued."""

    type: ProjectType
    connection_id: ConnectionId
    root_directory: str
    build: BuildConfig
    runtime: RuntimeConfig


class Approval(Value):
    """Somebody has to approve the deployment before it is queued."""

    not_by: AccountId | None = None
    """Who asked for it, where another one must approve."""


class Outcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"


class DeploymentQueued(Fact, tag="deployment.queued"):
    """Somebody asked for a deployment. ``number`` counts in the workspace and is shown as ``DEP-0042``.

    ``approval``: it waits for one. ``supersedes_older``: those of its environment that wait yet are not done any more.
    ``promotes``: nothing is built, a release of another environment is made live.
    """

    deployment_id: DeploymentId
    number: int
    project_id: ProjectId
    environment_id: EnvironmentId
    branch: str
    recipe: Recipe
    commit: str | None = None
    note: str | None = None
    retry_of: DeploymentId | None = None
    approval: Approval | None = None
    supersedes_older: bool = False
    promotes: ReleaseId | None = None
    place: Place | None = None


class FreezeOverridden(Fact, tag="deployment.freeze-overridden"):
    """Somebody who may asked for the deployment although deployments were frozen until ``until``."""

    deployment_id: DeploymentId
    freeze: str
    """The freeze window's name."""
    reason: str
    until: datetime | None = None


class DeploymentApproved(Fact, tag="deployment.approved"):
    """Somebody let a deployment that waited be done."""

    deployment_id: DeploymentId
    reason: str | None = None


class DeploymentRejected(Fact, tag="deployment.rejected"):
    """Somebody decided that a deployment that waited is not done."""

    deployment_id: DeploymentId
    reason: str | None = None


class DeploymentSuperseded(Fact, tag="deployment.superseded"):
    """A later deployment of the same environment took its place before it began."""

    deployment_id: DeploymentId
    by: DeploymentId
    by_number: int


class DeploymentLeased(Fact, tag="deployment.leased"):
    """An executor took the work. ``fencing_token`` outranks every earlier lease.

    While it lasts, the environment's turn is the deployment's, and so is the workspace's build slot ``slot``, counted
    from 1, where it builds. Facts of old name neither.
    """

    deployment_id: DeploymentId
    executor_id: ExecutorId
    fencing_token: int
    environment_id: EnvironmentId | None = None
    slot: int | None = None


class CommitResolved(Fact, tag="deployment.commit-resolved"):
    """The branch led to this commit, and it was fetched."""

    deployment_id: DeploymentId
    commit: str
    message: str
    author: str


class StepStarted(Fact, tag="deployment.step-started"):
    """A named part of the deployment began."""

    deployment_id: DeploymentId
    step: StepKind
    fencing_token: int


class StepFinished(Fact, tag="deployment.step-finished"):
    """A named part of the deployment ended. ``exit_code`` is the command's, where the step ran one."""

    deployment_id: DeploymentId
    step: StepKind
    outcome: Outcome
    duration_ms: int
    fencing_token: int
    exit_code: int | None = None


class DeploymentSucceeded(Fact, tag="deployment.succeeded"):
    """The release is live."""

    deployment_id: DeploymentId
    release_id: ReleaseId


class DeploymentFailed(Fact, tag="deployment.failed"):
    """It ended without a live release. ``error`` is a sentence for the customer."""

    deployment_id: DeploymentId
    error: str
    step: StepKind | None = None
    exit_code: int | None = None


class DeploymentCancelled(Fact, tag="deployment.cancelled"):
    """Somebody stopped it."""

    deployment_id: DeploymentId
    reason: str | None = None


Event = (
    DeploymentQueued
    | FreezeOverridden
    | DeploymentApproved
    | DeploymentRejected
    | DeploymentSuperseded
    | DeploymentLeased
    | CommitResolved
    | StepStarted
    | StepFinished
    | DeploymentSucceeded
    | DeploymentFailed
    | DeploymentCancelled
)


class Deployment(Value):
    """What later decisions need of a deployment."""

    queued: DeploymentQueued | None = None
    status: Status = Status.QUEUED
    fencing_token: int = 0
    executor_id: ExecutorId | None = None
    """Who holds the lease."""
    slot: int | None = None
    """The workspace's build slot that it has."""
    lost: int = 0
    """How many leases another executor took over; one that leases again itself was not lost."""
    commit: str | None = None
    step: StepKind | None = None
    """The step under way."""


def evolve(state: Deployment, fact: Event) -> Deployment:
    """The deployment after ``fact``."""
    match fact:
        case DeploymentQueued():
            return Deployment(queued=fact, status=Status.WAITING if fact.approval else Status.QUEUED)
        case FreezeOverridden():
            return state
        case DeploymentApproved():
            return replace(state, status=Status.QUEUED)
        case DeploymentRejected():
            return replace(state, status=Status.REJECTED)
        case DeploymentSuperseded():
            return replace(state, status=Status.SUPERSEDED)
        case DeploymentLeased():
            return _leased(state, fact)
        case CommitResolved():
            return replace(state, commit=fact.commit)
        case StepStarted():
            return replace(state, step=fact.step)
        case StepFinished():
            return replace(state, step=None)
        case DeploymentSucceeded():
            return replace(state, status=Status.SUCCEEDED)
        case DeploymentFailed():
            return replace(state, status=Status.FAILED)
        case DeploymentCancelled():
            return replace(state, status=Status.CANCELLED)


def _leased(state: Deployment, fact: DeploymentLeased) -> Deployment:
    return replace(
        state,
        status=Status.RUNNING,
        fencing_token=fact.fencing_token,
        executor_id=fact.executor_id,
        slot=fact.slot,
        lost=state.lost + (state.executor_id not in {None, fact.executor_id}),
        step=None,
    )
