"""Deployments, their steps and their logs."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import asdict

from adapters.http.native.wire.deployments import (
    DeploymentDetail,
    DeploymentOut,
    EventOut,
    LineOut,
    StatusWord,
    StepOut,
)
from adapters.http.native.words.releases import release
from adapters.linestore import Line
from domain.deployment import Outcome, Status
from domain.identifiers import DeploymentId
from projections.deployments import DeploymentEventRow, DeploymentRow, StepRow
from projections.releases import ReleaseRow

STATUS: dict[Status, StatusWord] = {
    Status.WAITING: "waiting",
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.REJECTED: "rejected",
    Status.SUPERSEDED: "superseded",
}


OUTCOME: dict[Outcome, Literal["succeeded", "failed"]] = {Outcome.OK: "succeeded", Outcome.FAILED: "failed"}


UNFINISHED: dict[Status, Literal["running", "succeeded", "failed", "cancelled"]] = {
    Status.WAITING: "running",
    Status.QUEUED: "running",
    Status.RUNNING: "running",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.REJECTED: "cancelled",
    Status.SUPERSEDED: "cancelled",
}
"""What became of a step that did not report its end, by the deployment's status."""


def deployment(row: DeploymentRow, address: str | None, supersedes: Sequence[DeploymentId] = ()) -> DeploymentOut:
    """A deployment in the list; ``address`` is where its environment answers, ``supersedes`` whose place it took."""
    return DeploymentOut(
        id=row.id,
        ref=row.ref,
        number=row.number,
        status=STATUS[row.status],
        step=row.step,
        error=row.error,
        exit_code=row.exit_code,
        project_id=row.project_id,
        environment_id=row.environment_id,
        url=address,
        branch=row.branch,
        commit=row.commit,
        commit_message=row.commit_message,
        author=row.author,
        note=row.note,
        release_id=row.release_id,
        retry_of=row.retry_of,
        promoted_from=row.promotes,
        superseded_by=row.superseded_by,
        supersedes=list(supersedes),
        triggered_by=row.triggered_by,
        created_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
    )


def deployment_detail(
    row: DeploymentRow,
    address: str | None,
    supersedes: Sequence[DeploymentId],
    cut: ReleaseRow | None,
    events: Sequence[DeploymentEventRow],
    steps: Sequence[StepRow],
) -> DeploymentDetail:
    """A deployment with all that belongs to it."""
    return DeploymentDetail(
        **asdict(deployment(row, address, supersedes)),
        release=release(cut) if cut else None,
        events=[event(one) for one in events],
        steps=[step(one, row.status) for one in steps],
    )


def event(row: DeploymentEventRow) -> EventOut:
    """Something that happened to a deployment."""
    return EventOut(position=row.position, type=row.type, message=row.sentence, actor=row.actor, at=row.at)


def step(row: StepRow, status: Status) -> StepOut:
    """A step of a deployment that has this status."""
    return StepOut(
        step=row.step,
        status=OUTCOME[row.outcome] if row.outcome else UNFINISHED[status],
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_ms=row.duration_ms,
        exit_code=row.exit_code,
    )


def line(row: Line) -> LineOut:
    """A line of output."""
    return LineOut(seq=row.seq, at=row.at, stream=row.stream, step=row.step, source=row.source, text=row.text)
