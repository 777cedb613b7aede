"""Deployments: what may be asked of one, by people and by the executor that holds its lease."""

from collections.abc import Sequence
from datetime import datetime

from commands import checks
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from domain.deployment import (
    Approval,
    CommitResolved,
    Deployment,
    DeploymentApproved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentRejected,
    DeploymentSucceeded,
    DeploymentSuperseded,
    Event,
    FreezeOverridden,
    Outcome,
    Recipe,
    Status,
    StepFinished,
    StepStarted,
    evolve,
)
from domain.fact import Value
from domain.identifiers import AccountId, DeploymentId, EnvironmentId, ExecutorId, ProjectId, ReleaseId
from domain.limits import Place
from domain.rejection import Conflict, Forbidden, NotFound, StaleLease
from domain.steps import StepKind

MOST_LOST = 5
"""A deployment that took this many executors with it is not tried again."""


class Override(Value):
    """Why a deployment is asked for although deployments are frozen, and by what and until when they are."""

    freeze: str
    reason: str
    until: datetime | None = None


class QueueDeployment(Command):
    """Ask for a deployment of a branch, one commit, or a release that is there, with the recipe of this moment."""

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
    override: Override | None = None


class ApproveDeployment(Command):
    """Let a deployment that waits be done."""

    deployment_id: DeploymentId
    account_id: AccountId | None
    """Whose approval it is."""
    reason: str | None = None
    override: Override | None = None


class RejectDeployment(Command):
    """Decide that a deployment that waits is not done."""

    deployment_id: DeploymentId
    reason: str | None = None


class SupersedeDeployment(Command):
    """Let a later deployment of the environment take the place of one that has not begun.

    One that waits for approval itself (``by_waiting``) takes the place of those alone that wait as well.
    """

    deployment_id: DeploymentId
    environment_id: EnvironmentId
    by: DeploymentId
    by_number: int
    by_waiting: bool = False


class LeaseDeployment(Command):
    """Take the work; outranks whoever had it.

    An executor that lost its database, and not its life, leases again under its own id: that counts against nobody.
    """

    deployment_id: DeploymentId
    executor_id: ExecutorId
    slot: int | None = None
    """The build slot of the workspace that it asks for, where the deployment has none yet."""


class ResolveCommit(Command):
    """Report which commit was fetched."""

    deployment_id: DeploymentId
    fencing_token: int
    commit: str
    message: str
    author: str


class StartStep(Command):
    """Report that a step begins."""

    deployment_id: DeploymentId
    fencing_token: int
    step: StepKind


class FinishStep(Command):
    """Report how a step ended."""

    deployment_id: DeploymentId
    fencing_token: int
    step: StepKind
    outcome: Outcome
    duration_ms: int
    exit_code: int | None = None


class SucceedDeployment(Command):
    """Report that the release is live."""

    deployment_id: DeploymentId
    fencing_token: int
    release_id: ReleaseId


class FailDeployment(Command):
    """Report why it ended without a live release."""

    deployment_id: DeploymentId
    fencing_token: int
    error: str
    step: StepKind | None = None
    exit_code: int | None = None


class CancelDeployment(Command):
    """Stop it, whatever it is doing."""

    deployment_id: DeploymentId
    reason: str | None = None


Report = ResolveCommit | StartStep | FinishStep | SucceedDeployment | FailDeployment
DeploymentCommand = (
    QueueDeployment
    | ApproveDeployment
    | RejectDeployment
    | SupersedeDeployment
    | LeaseDeployment
    | Report
    | CancelDeployment
)


def decide(command: DeploymentCommand, state: Deployment) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case QueueDeployment():
            return _queue(command, state)
        case ApproveDeployment():
            return _approve(command, state)
        case RejectDeployment():
            return _reject(command, state)
        case SupersedeDeployment():
            return _supersede(command, state)
        case LeaseDeployment():
            return _lease(command, state)
        case CancelDeployment():
            if state.status is Status.CANCELLED:
                return []
            require_open(state)
            check([("reason", checks.text(command.reason, 500))])
            return [DeploymentCancelled(deployment_id=command.deployment_id, reason=command.reason)]
        case _:
            _require_lease(state, command.fencing_token)
            return [_reported(command)]


def require_deployment(state: Deployment) -> DeploymentQueued:
    """How it was queued; refuse where it never was."""
    if state.queued is None:
        raise NotFound("There is no such deployment.")
    return state.queued


def require_open(state: Deployment) -> None:
    """Refuse where it has ended: nothing happens after the end."""
    require_deployment(state)
    if state.status.ended:
        raise Conflict(f"The deployment has already {_ENDED[state.status]}.", code="deployment_ended")


_ENDED = {
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "been cancelled",
    Status.REJECTED: "been rejected",
    Status.SUPERSEDED: "been superseded by a later one",
}


def _queue(command: QueueDeployment, state: Deployment) -> Sequence[Event]:
    if state.queued is not None:
        return []
    check(
        [
            ("branch", checks.branch(command.branch)),
            ("commit", checks.commit(command.commit)),
            ("note", checks.text(command.note, 500)),
        ]
    )
    return [_queued(command), *_overridden(command)]


def _queued(command: QueueDeployment) -> DeploymentQueued:
    return DeploymentQueued(
        deployment_id=command.deployment_id,
        number=command.number,
        project_id=command.project_id,
        environment_id=command.environment_id,
        branch=command.branch,
        recipe=command.recipe,
        commit=command.commit,
        note=command.note,
        retry_of=command.retry_of,
        approval=command.approval,
        supersedes_older=command.supersedes_older,
        promotes=command.promotes,
        place=command.place,
    )


def _overridden(command: QueueDeployment | ApproveDeployment) -> Sequence[FreezeOverridden]:
    override = command.override
    if override is None:
        return []
    check([("reason", checks.name(override.reason, 500))])
    return [
        FreezeOverridden(
            deployment_id=command.deployment_id, freeze=override.freeze, reason=override.reason, until=override.until
        )
    ]


def _approve(command: ApproveDeployment, state: Deployment) -> Sequence[Event]:
    queued = _require_waiting(state)
    check([("reason", checks.text(command.reason, 500))])
    if queued.approval and queued.approval.not_by and queued.approval.not_by == command.account_id:
        raise Forbidden(
            "Who asked for this deployment may not approve it. Ask another administrator.", code="own_deployment"
        )
    approved = DeploymentApproved(deployment_id=command.deployment_id, reason=command.reason)
    return [*_overridden(command), approved]


def _reject(command: RejectDeployment, state: Deployment) -> Sequence[Event]:
    _require_waiting(state)
    check([("reason", checks.text(command.reason, 500))])
    return [DeploymentRejected(deployment_id=command.deployment_id, reason=command.reason)]


def _require_waiting(state: Deployment) -> DeploymentQueued:
    queued = require_deployment(state)
    require_open(state)
    if state.status is not Status.WAITING:
        raise Conflict("The deployment does not wait for approval.", code="not_waiting")
    return queued


def _supersede(command: SupersedeDeployment, state: Deployment) -> Sequence[Event]:
    """Nothing where it has begun or ended meanwhile, or is the later one."""
    queued = require_deployment(state)
    replaceable = {Status.WAITING} if command.by_waiting else {Status.WAITING, Status.QUEUED}
    if (
        state.status not in replaceable
        or queued.environment_id != command.environment_id
        or queued.number >= command.by_number
    ):
        return []
    return [DeploymentSuperseded(deployment_id=command.deployment_id, by=command.by, by_number=command.by_number)]


def _lease(command: LeaseDeployment, state: Deployment) -> Sequence[Event]:
    queued = require_deployment(state)
    require_open(state)
    if state.status is Status.WAITING:
        raise Conflict("The deployment waits for approval.", code="waiting")
    taken_over = state.executor_id not in {None, command.executor_id}
    if taken_over and state.lost + 1 >= MOST_LOST:
        error = f"The deployment was given up: {MOST_LOST} executors were lost while they worked on it."
        return [DeploymentFailed(deployment_id=command.deployment_id, error=error, step=state.step)]
    return [
        DeploymentLeased(
            deployment_id=command.deployment_id,
            executor_id=command.executor_id,
            fencing_token=state.fencing_token + 1,
            environment_id=queued.environment_id,
            slot=state.slot or command.slot,
        )
    ]


def _require_lease(state: Deployment, fencing_token: int) -> None:
    require_open(state)
    if not state.fencing_token:
        raise StaleLease("Nobody holds a lease of the deployment.")
    if fencing_token != state.fencing_token:
        raise StaleLease(f"Lease {fencing_token} of the deployment was outranked by lease {state.fencing_token}.")


def _reported(report: Report) -> Event:
    match report:
        case ResolveCommit():
            return CommitResolved(
                deployment_id=report.deployment_id,
                commit=report.commit,
                message=checks.shown(report.message),
                author=checks.shown(report.author, 200),
            )
        case StartStep():
            return StepStarted(deployment_id=report.deployment_id, step=report.step, fencing_token=report.fencing_token)
        case FinishStep():
            return StepFinished(
                deployment_id=report.deployment_id,
                step=report.step,
                outcome=report.outcome,
                duration_ms=report.duration_ms,
                fencing_token=report.fencing_token,
                exit_code=report.exit_code,
            )
        case SucceedDeployment():
            return DeploymentSucceeded(deployment_id=report.deployment_id, release_id=report.release_id)
        case FailDeployment():
            return DeploymentFailed(
                deployment_id=report.deployment_id,
                error=checks.shown(report.error),
                step=report.step,
                exit_code=report.exit_code,
            )


DECIDER = Decider(category="deployment", initial=Deployment(), decide=decide, evolve=evolve)
