"""Deployments at times: a cron expression in a time zone, for one environment."""

from datetime import datetime

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ScheduleId


class Timing(Value):
    """When a schedule deploys, and what: ``branch``, or the one that the environment follows.

    ``cron`` has five fields and is read on the clocks of ``time_zone``, with its daylight saving as cron(8) has it.
    """

    cron: str
    time_zone: str = "UTC"
    branch: str | None = None


class ScheduleCreated(Fact, tag="schedule.created"):
    """An environment is deployed at times. ``slot`` is one of those that it has for schedules, counted from 1."""

    schedule_id: ScheduleId
    project_id: ProjectId
    environment_id: EnvironmentId
    timing: Timing
    slot: int
    paused: bool = False


class ScheduleTimed(Fact, tag="schedule.timed"):
    """It deploys at other times, or another branch."""

    schedule_id: ScheduleId
    timing: Timing


class SchedulePaused(Fact, tag="schedule.paused"):
    """It deploys nothing until it is resumed."""

    schedule_id: ScheduleId


class ScheduleResumed(Fact, tag="schedule.resumed"):
    """It deploys again, from the next time on."""

    schedule_id: ScheduleId


class ScheduleFollowed(Fact, tag="schedule.followed"):
    """It asked for a deployment, as was due."""

    schedule_id: ScheduleId
    due: datetime
    deployment_id: DeploymentId


class ScheduleSkipped(Fact, tag="schedule.skipped"):
    """The deployment that was due was refused."""

    schedule_id: ScheduleId
    due: datetime
    why: str


class ScheduleMissed(Fact, tag="schedule.missed"):
    """Deployments that were due from ``first`` to ``due`` were not asked for in time, and are left out."""

    schedule_id: ScheduleId
    first: datetime
    due: datetime


class ScheduleDeleted(Fact, tag="schedule.deleted"):
    """It is no more."""

    schedule_id: ScheduleId


Event = (
    ScheduleCreated
    | ScheduleTimed
    | SchedulePaused
    | ScheduleResumed
    | ScheduleFollowed
    | ScheduleSkipped
    | ScheduleMissed
    | ScheduleDeleted
)


class Schedule(Value):
    """What later decisions need of a schedule."""

    created: ScheduleCreated | None = None
    timing: Timing = Timing(cron="")
    paused: bool = False
    deleted: bool = False
    settled: datetime | None = None
    """The last due time of which it is known what became."""


def evolve(state: Schedule, fact: Event) -> Schedule:
    """The schedule after ``fact``."""
    match fact:
        case ScheduleCreated():
            return Schedule(created=fact, timing=fact.timing, paused=fact.paused)
        case ScheduleTimed():
            return replace(state, timing=fact.timing)
        case SchedulePaused():
            return replace(state, paused=True)
        case ScheduleResumed():
            return replace(state, paused=False)
        case ScheduleFollowed() | ScheduleSkipped() | ScheduleMissed():
            return replace(state, settled=fact.due)
        case ScheduleDeleted():
            return replace(state, deleted=True)
