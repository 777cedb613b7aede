"""Deployments with their events, as the list and the detail show them."""

from collections.abc import Sequence
from datetime import datetime

from domain import deployment
from domain.deployment import (
    CommitResolved,
    DeploymentApproved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentRejected,
    DeploymentSucceeded,
    DeploymentSuperseded,
    FreezeOverridden,
    Outcome,
    Status,
    StepFinished,
    StepStarted,
)
from domain.environment import ActivationStarted
from domain.fact import tag_of
from domain.history import Recorded
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId, TenantId, deployment_of
from domain.lines import LogClosed
from domain.release import ReleaseCut
from domain.steps import StepKind
from projections.changes import Change, Patch, Put, ReadModel, Row, Table
from projections.phrases import deployment_reference
from projections.reading import Paging, Reader, Selection, Wanted, every
from projections.sentences import sentence


class DeploymentRow(Row, kw_only=True):
    """A deployment. ``step`` is the step under way, or the one that failed; ``version`` is its stream's.

    ``log_closed``: no line follows in its log. That comes a moment after ``ended``. ``promotes`` is a release that is
    made live without building. ``superseding``: others name it in ``superseded_by``.
    """

    id: DeploymentId
    tenant_id: TenantId
    number: int
    ref: str
    project_id: ProjectId
    environment_id: EnvironmentId
    branch: str
    commit: str | None
    commit_message: str | None = None
    author: str | None = None
    note: str | None
    status: Status = Status.QUEUED
    ended: bool = False
    step: StepKind | None = None
    error: str | None = None
    exit_code: int | None = None
    release_id: ReleaseId | None = None
    retry_of: DeploymentId | None
    promotes: ReleaseId | None = None
    superseded_by: DeploymentId | None = None
    superseding: bool = False
    triggered_by: str
    fencing_token: int = 0
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    log_closed: bool = False
    updated_at: datetime
    version: int


class DeploymentEventRow(Row):
    """Something that happened to a deployment: ``type`` is the fact's tag, ``sentence`` says it for people."""

    tenant_id: TenantId
    deployment_id: DeploymentId
    position: int
    at: datetime
    type: str
    sentence: str
    actor: str


class StepRow(Row):
    """A step under one lease. ``outcome`` is None while it runs, or where its executor was lost."""

    deployment_id: DeploymentId
    fencing_token: int
    step: StepKind
    tenant_id: TenantId
    started_at: datetime
    finished_at: datetime | None = None
    outcome: Outcome | None = None
    duration_ms: int | None = None
    exit_code: int | None = None


DEPLOYMENTS = Table(
    "deployments",
    DeploymentRow,
    key=("id",),
    indexes=(
        ("tenant_id", "project_id", "number"),
        ("tenant_id", "environment_id", "number"),
        ("ended", "queued_at"),
        ("log_closed", "queued_at"),
        ("superseded_by",),
    ),
)
EVENTS = Table("events", DeploymentEventRow, key=("deployment_id", "position"))
STEPS = Table("steps", StepRow, key=("deployment_id", "fencing_token", "step"))

About = deployment.Event | ReleaseCut | ActivationStarted
"""The facts that name a deployment, and so are its events."""


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the tables of deployments and of their events."""
    fact = recorded.fact
    if isinstance(fact, LogClosed):
        deployment_id = deployment_of(fact.log_id)
        return [Patch(DEPLOYMENTS, deployment_id, {"log_closed": True})] if deployment_id else []
    if not isinstance(fact, About):
        return []
    return [*_changes(fact, recorded), Put(EVENTS, _event(fact, recorded))]


def _changes(fact: About, recorded: Recorded) -> Sequence[Change]:
    match fact:
        case DeploymentQueued():
            return [Put(DEPLOYMENTS, _queued(fact, recorded))]
        case FreezeOverridden():
            return [_patch(fact, recorded)]
        case DeploymentApproved():
            return [_patch(fact, recorded, status=Status.QUEUED)]
        case DeploymentLeased():
            return [_leased(fact, recorded)]
        case CommitResolved():
            return [_patch(fact, recorded, commit=fact.commit, commit_message=fact.message, author=fact.author)]
        case StepStarted():
            return [_patch(fact, recorded, step=fact.step), Put(STEPS, _step(fact, recorded))]
        case StepFinished():
            return [_patch(fact, recorded, step=None), _step_finished(fact, recorded)]
        case (
            DeploymentSucceeded()
            | DeploymentFailed()
            | DeploymentCancelled()
            | DeploymentRejected()
            | DeploymentSuperseded()
        ):
            return _end(fact, recorded)
        case ReleaseCut():
            known = {"release_id": fact.release_id, "commit": fact.commit, "commit_message": fact.commit_message}
            return [Patch(DEPLOYMENTS, fact.deployment_id, known)]
        case ActivationStarted():
            return []


def _queued(fact: DeploymentQueued, recorded: Recorded) -> DeploymentRow:
    return DeploymentRow(
        id=fact.deployment_id,
        tenant_id=recorded.context.tenant_id,
        number=fact.number,
        ref=deployment_reference(fact.number),
        project_id=fact.project_id,
        environment_id=fact.environment_id,
        branch=fact.branch,
        commit=fact.commit,
        note=fact.note,
        retry_of=fact.retry_of,
        promotes=fact.promotes,
        status=Status.WAITING if fact.approval else Status.QUEUED,
        triggered_by=recorded.context.actor.name,
        queued_at=recorded.context.at,
        updated_at=recorded.context.at,
        version=recorded.version,
    )


def _leased(fact: DeploymentLeased, recorded: Recorded) -> Patch:
    first = {"started_at": recorded.context.at} if fact.fencing_token == 1 else {}
    return _patch(fact, recorded, status=Status.RUNNING, fencing_token=fact.fencing_token, step=None, **first)


def _step(fact: StepStarted, recorded: Recorded) -> StepRow:
    return StepRow(
        deployment_id=fact.deployment_id,
        fencing_token=fact.fencing_token,
        step=fact.step,
        tenant_id=recorded.context.tenant_id,
        started_at=recorded.context.at,
    )


def _step_finished(fact: StepFinished, recorded: Recorded) -> Patch:
    fields = {
        "finished_at": recorded.context.at,
        "outcome": fact.outcome,
        "duration_ms": fact.duration_ms,
        "exit_code": fact.exit_code,
    }
    return Patch(STEPS, (fact.deployment_id, fact.fencing_token, fact.step), fields)


def _end(
    fact: DeploymentSucceeded | DeploymentFailed | DeploymentCancelled | DeploymentRejected | DeploymentSuperseded,
    recorded: Recorded,
) -> Sequence[Change]:
    match fact:
        case DeploymentSucceeded():
            return [_ended(fact, recorded, Status.SUCCEEDED, step=None, release_id=fact.release_id)]
        case DeploymentFailed():
            return [_ended(fact, recorded, Status.FAILED, step=fact.step, error=fact.error, exit_code=fact.exit_code)]
        case DeploymentCancelled():
            return [_ended(fact, recorded, Status.CANCELLED, step=None)]
        case DeploymentRejected():
            return [_ended(fact, recorded, Status.REJECTED)]
        case DeploymentSuperseded():
            later = Patch(DEPLOYMENTS, fact.by, {"superseding": True})
            return [_ended(fact, recorded, Status.SUPERSEDED, superseded_by=fact.by), later]


def _ended(fact: deployment.Event, recorded: Recorded, status: Status, **fields: object) -> Patch:
    return _patch(fact, recorded, status=status, ended=True, finished_at=recorded.context.at, **fields)


def _patch(fact: deployment.Event, recorded: Recorded, **fields: object) -> Patch:
    return Patch(
        DEPLOYMENTS,
        fact.deployment_id,
        {**fields, "updated_at": recorded.context.at, "version": recorded.version},
    )


def _event(fact: About, recorded: Recorded) -> DeploymentEventRow:
    return DeploymentEventRow(
        tenant_id=recorded.context.tenant_id,
        deployment_id=fact.deployment_id,
        position=recorded.position,
        at=recorded.context.at,
        type=tag_of(fact),
        sentence=sentence(fact, recorded.context.actor.name),
        actor=recorded.context.actor.name,
    )


MODEL = ReadModel("deployments", [DEPLOYMENTS, EVENTS, STEPS], project, About | LogClosed, watched=True)


async def find(reader: Reader, tenant: TenantId, deployment_id: DeploymentId) -> DeploymentRow | None:
    """One deployment."""
    return await reader.one(DEPLOYMENTS, {"tenant_id": tenant, "id": deployment_id})


def listed(
    tenant: TenantId,
    project_id: ProjectId,
    paging: Paging,
    *,
    environment_id: EnvironmentId | None = None,
    statuses: tuple[Status, ...] = (),
) -> Wanted:
    """A project's deployments, the newest first; those of one environment, or of some statuses, where given."""
    equal: dict[str, object] = {"tenant_id": tenant, "project_id": project_id}
    if environment_id:
        equal["environment_id"] = environment_id
    if statuses:
        equal["status"] = statuses
    return Wanted(DEPLOYMENTS, Selection(equal=equal, order_by="number", descending=True), paging)


async def events(reader: Reader, tenant: TenantId, deployment_id: DeploymentId) -> list[DeploymentEventRow]:
    """What happened to a deployment, in order."""
    equal = {"tenant_id": tenant, "deployment_id": deployment_id}
    return await every(reader, EVENTS, Selection(equal=equal, order_by="position"))


async def open_deployments(reader: Reader) -> list[DeploymentRow]:
    """All that have not ended, of every workspace, the oldest first; for the sweeper."""
    return await every(reader, DEPLOYMENTS, Selection(equal={"ended": False}, order_by="queued_at"))


async def open_of(reader: Reader, tenant: TenantId) -> list[DeploymentRow]:
    """All of a workspace that have not ended, in the order in which they were asked for."""
    return await every(reader, DEPLOYMENTS, Selection(equal={"tenant_id": tenant, "ended": False}, order_by="number"))


async def superseded(reader: Reader, rows: Sequence[DeploymentRow]) -> dict[DeploymentId, list[DeploymentId]]:
    """For each of the rows that did, the deployments that it superseded, the oldest first."""
    by = tuple(row.id for row in rows if row.superseding)
    found: dict[DeploymentId, list[DeploymentId]] = {}
    if by:
        selection = Selection(equal={"superseded_by": by}, order_by="number")
        for row in await every(reader, DEPLOYMENTS, selection):
            found.setdefault(row.superseded_by or row.id, []).append(row.id)
    return found


async def with_open_log(reader: Reader) -> list[DeploymentRow]:
    """All that have ended while their log is still open, of every workspace, the oldest first; for the reactor."""
    equal = {"log_closed": False, "ended": True}
    return await every(reader, DEPLOYMENTS, Selection(equal=equal, order_by="queued_at"))


async def count_by_status(reader: Reader, *statuses: Status) -> int:
    """How many open deployments of every workspace have one of these statuses; for the metrics."""
    return await reader.count(DEPLOYMENTS, Selection(equal={"ended": False, "status": statuses}))


async def steps(reader: Reader, tenant: TenantId, row: DeploymentRow) -> list[StepRow]:
    """The steps under a deployment's newest lease, in order."""
    equal = {"tenant_id": tenant, "deployment_id": row.id, "fencing_token": row.fencing_token}
    return await every(reader, STEPS, Selection(equal=equal, order_by="started_at"))


def among(deployments: Sequence[DeploymentId]) -> Wanted:
    """These deployments, of whatever workspace, one page of them; for those who watch them for readers that may."""
    return Wanted(DEPLOYMENTS, Selection(equal={"id": tuple(deployments)}))
