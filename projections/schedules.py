"""Scheduled deployments of environments, and what became of the last one."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from domain.history import Recorded
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ScheduleId, TenantId
from domain.schedule import (
    Event,
    ScheduleCreated,
    ScheduleDeleted,
    ScheduleFollowed,
    ScheduleMissed,
    SchedulePaused,
    ScheduleResumed,
    ScheduleSkipped,
    ScheduleTimed,
    Timing,
)
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import Reader, Selection, every


class LastRun(StrEnum):
    """What became of the deployment that was due last."""

    ASKED = "asked"
    SKIPPED = "skipped"
    MISSED = "missed"


class ScheduleRow(Row, kw_only=True):
    """A schedule. It is due at its times after ``since``; ``version`` is its stream's."""

    id: ScheduleId
    tenant_id: TenantId
    project_id: ProjectId
    environment_id: EnvironmentId
    timing: Timing
    paused: bool
    since: datetime
    last_due: datetime | None = None
    last_run: LastRun | None = None
    last_deployment_id: DeploymentId | None = None
    last_problem: str | None = None
    created_at: datetime
    created_by: str
    updated_at: datetime
    version: int


SCHEDULES = Table(
    "schedules", ScheduleRow, key=("id",), indexes=(("tenant_id", "environment_id", "created_at"), ("paused",))
)


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of schedules."""
    now = recorded.context.at
    match recorded.fact:
        case ScheduleCreated() as fact:
            return [Put(SCHEDULES, _created(fact, recorded))]
        case ScheduleTimed() as fact:
            return [_patch(fact, recorded, timing=fact.timing, since=now)]
        case SchedulePaused() as fact:
            return [_patch(fact, recorded, paused=True)]
        case ScheduleResumed() as fact:
            return [_patch(fact, recorded, paused=False, since=now)]
        case ScheduleFollowed() as fact:
            return [_ran(fact, recorded, LastRun.ASKED, last_deployment_id=fact.deployment_id)]
        case ScheduleSkipped() as fact:
            return [_ran(fact, recorded, LastRun.SKIPPED, last_problem=fact.why)]
        case ScheduleMissed() as fact:
            return [_ran(fact, recorded, LastRun.MISSED)]
        case ScheduleDeleted() as fact:
            return [Remove(SCHEDULES, fact.schedule_id)]
        case _:
            return []


def _created(fact: ScheduleCreated, recorded: Recorded) -> ScheduleRow:
    return ScheduleRow(
        id=fact.schedule_id,
        tenant_id=recorded.context.tenant_id,
        project_id=fact.project_id,
        environment_id=fact.environment_id,
        timing=fact.timing,
        paused=fact.paused,
        since=recorded.context.at,
        created_at=recorded.context.at,
        created_by=recorded.context.actor.name,
        updated_at=recorded.context.at,
        version=recorded.version,
    )


def _ran(
    fact: ScheduleFollowed | ScheduleSkipped | ScheduleMissed, recorded: Recorded, run: LastRun, **fields: object
) -> Patch:
    outcome = {"last_deployment_id": None, "last_problem": None, **fields}
    return _patch(fact, recorded, since=fact.due, last_due=fact.due, last_run=run, **outcome)


def _patch(fact: Event, recorded: Recorded, **fields: object) -> Patch:
    return Patch(
        SCHEDULES, fact.schedule_id, {**fields, "updated_at": recorded.context.at, "version": recorded.version}
    )


MODEL = ReadModel("schedules", [SCHEDULES], project, Event)


async def find(reader: Reader, tenant: TenantId, schedule_id: ScheduleId) -> ScheduleRow | None:
    """One schedule."""
    return await reader.one(SCHEDULES, {"tenant_id": tenant, "id": schedule_id})


async def of_environment(reader: Reader, tenant: TenantId, environment_id: EnvironmentId) -> list[ScheduleRow]:
    """An environment's schedules, the oldest first."""
    equal = {"tenant_id": tenant, "environment_id": environment_id}
    return await every(reader, SCHEDULES, Selection(equal=equal, order_by="created_at"))


async def running(reader: Reader) -> list[ScheduleRow]:
    """All that are not paused, of every workspace; for the office that asks for what is due."""
    return await every(reader, SCHEDULES, Selection(equal={"paused": False}))
