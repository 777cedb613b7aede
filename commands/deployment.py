"""Deployments: what may be asked of one, by people and by the executor that holds its lease."""

from collections.abc import Sequence

from commands import checks
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from domain.deployment import (
    CommitResolved,
    Deployment,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentSucceeded,
    Event,
    Outcome,
    Recipe,
    Status,
    StepFinished,
    StepStarted,
    evolve,
)
from domain.identifiers import DeploymentId, EnvironmentId, ExecutorId, ProjectId, ReleaseId
from domain.limits import Place
from domain.rejection import Conflict, NotFound, StaleLease
from domain.steps import StepKind

MOST_LOST = 5
"""A deployment that took this many executors with it is not tried again."""


class QueueDeployment(Command):
    """Ask for a deployment of a branch, or of one commit, with the project's recipe of this moment."""

    deployment_id: DeploymentId
    number: int
    project_id: ProjectId
    environment_id: EnvironmentId
    branch: str
    recipe: Recipe
    commit: str | None = None
    note: str | None = None
    retry_of: DeploymentId | None = None
    place: Place | None = None


class LeaseDeployment(Command):
    """Take the work; outranks whoever had it.

    An executor that lost its database, and not its life, leases again under its own id: that counts against nobody.
    """

    deployment_id: DeploymentId
    executor_id: ExecutorId


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
DeploymentCommand = QueueDeployment | LeaseDeployment | Report | CancelDeployment


def decide(command: DeploymentCommand, state: Deployment) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case QueueDeployment():
            return _queue(command, state)
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


_ENDED = {Status.SUCCEEDED: "succeeded", Status.FAILED: "failed", Status.CANCELLED: "been cancelled"}


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
    return [
        DeploymentQueued(
            deployment_id=command.deployment_id,
            number=command.number,
            project_id=command.project_id,
            environment_id=command.environment_id,
            branch=command.branch,
            recipe=command.recipe,
            commit=command.commit,
            note=command.note,
            retry_of=command.retry_of,
            place=command.place,
        )
    ]


def _lease(command: LeaseDeployment, state: Deployment) -> Sequence[Event]:
    require_open(state)
    taken_over = state.executor_id not in {None, command.executor_id}
    if taken_over and state.lost + 1 >= MOST_LOST:
        error = f"The deployment was given up: {MOST_LOST} executors were lost while they worked on it."
        return [DeploymentFailed(deployment_id=command.deployment_id, error=error, step=state.step)]
    return [
        DeploymentLeased(
            deployment_id=command.deployment_id,
            executor_id=command.executor_id,
            fencing_token=state.fencing_token + 1,
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
