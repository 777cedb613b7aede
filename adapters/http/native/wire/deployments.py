"""Deployments, their lines, releases, and what is live."""

from datetime import datetime
from typing import Annotated, Literal

from adapters.http.native.wire.projects import RuntimeConfigOut
from adapters.http.native.wire.shapes import In, Out, Reason, said
from domain.identifiers import (
    DeploymentId,
    EnvironmentId,
    ProjectId,
    ReleaseId,
)
from domain.steps import StepKind


class Trigger(In):
    """Ask for a deployment."""

    branch: Annotated[str | None, said("Another branch than the environment's.", "main")] = None
    commit: Annotated[str | None, said("One commit, by its whole hash.")] = None
    note: Annotated[str | None, said("What it is about, at most 500 characters.", "new prices")] = None
    override: Annotated[bool, said("Although deployments are frozen; administrators only, with a reason.")] = False
    reason: Reason | None = None


class Promotion(In):
    """Make a release of another environment of the project live here, without building."""

    release_id: ReleaseId
    reason: Reason | None = None
    note: Annotated[str | None, said("What it is about, at most 500 characters; else the reason.")] = None
    override: Annotated[bool, said("Although deployments are frozen; administrators only, with a reason.")] = False


class Retrial(In):
    """Deploy the same commit again."""

    override: Annotated[bool, said("Although deployments are frozen; administrators only, with a reason.")] = False
    reason: Reason | None = None


class ApprovalIn(In):
    """Let a deployment that waits be done."""

    reason: Reason | None = None
    override: Annotated[bool, said("Although deployments are frozen; with a reason.")] = False


class RejectionIn(In):
    """Decide that a deployment that waits is not done."""

    reason: Reason | None = None


class Cancellation(In):
    """Stop a deployment."""

    reason: Reason | None = None


class Rollback(In):
    """Make an earlier release live again, without building."""

    release_id: ReleaseId
    reason: Reason | None = None
    dry_run: Annotated[bool, said("Only say what would change.")] = False


StatusWord = Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled", "rejected", "superseded"]


class DeploymentOut(Out):
    """A deployment. ``step`` is under way, or is the one that failed; ``error`` says why, for people."""

    id: DeploymentId
    ref: Annotated[str, said("The workspace's own number of it.", "DEP-0042")]
    number: int
    status: StatusWord
    step: StepKind | None
    error: str | None
    exit_code: int | None
    project_id: ProjectId
    environment_id: EnvironmentId
    url: Annotated[str | None, said("Where the environment answers.", "http://shop.localhost:8000")]
    branch: str
    commit: str | None
    commit_message: str | None
    author: str | None
    note: str | None
    release_id: ReleaseId | None
    retry_of: DeploymentId | None
    promoted_from: Annotated[ReleaseId | None, said("The release that is made live here without building.")]
    superseded_by: Annotated[DeploymentId | None, said("The later deployment that took its place.")]
    supersedes: Annotated[list[DeploymentId], said("The earlier deployments whose place it took.")]
    triggered_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


class SecretVersion(Out):
    """A secret's version that a release runs with."""

    name: str
    version: int


class ReleaseOut(Out):
    """An immutable result of a deployment. Whatever is not active and has not expired can be rolled back to."""

    id: ReleaseId
    ref: str
    deployment_id: DeploymentId
    project_id: ProjectId
    environment_id: EnvironmentId
    active: bool
    branch: str
    commit: str
    commit_message: str
    artifact: Annotated[str, said("The SHA-256 of its content.")]
    artifact_bytes: int
    runtime_config: RuntimeConfigOut
    start_command: str | None
    secrets: list[SecretVersion]
    created_by: str
    created_at: datetime
    activated_at: datetime | None
    pinned: Annotated[bool, said("Whether it is kept however many follow it.")]
    expired_at: Annotated[datetime | None, said("Since then it cannot be rolled back to; null while it is kept.")]


class EventOut(Out):
    """Something that happened to a deployment; ``message`` says it for people."""

    position: int
    type: Annotated[str, said("What happened, for programs.", "deployment.queued")]
    message: str
    actor: str
    at: datetime


class StepOut(Out):
    """A step of a deployment."""

    step: StepKind
    status: Literal["running", "succeeded", "failed", "cancelled"]
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    exit_code: int | None


class DeploymentDetail(DeploymentOut):
    """A deployment with its release, its events and its steps."""

    release: ReleaseOut | None
    events: list[EventOut]
    steps: list[StepOut]


class LineOut(Out):
    """A line of output. ``seq`` counts from 1 in its log, without gaps; ``text`` is masked."""

    seq: int
    at: datetime
    stream: Literal["stdout", "stderr", "system"]
    step: Annotated[str | None, said("The step that wrote it.", "build")]
    source: Annotated[str | None, said("The instance that wrote it, where several run.")]
    text: str


class Lines(Out):
    """Lines of a log after ``?after=``. Ask on after the last ``seq`` as long as ``hasMore``, or until ``closed``."""

    items: list[LineOut]
    has_more: bool
    closed: Annotated[bool, said("No line will follow the last one.")]
