"""Scheduled deployments: what may be asked. Whether an expression is one of cron's is looked at before."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from commands import checks
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from commands.freeze import time_zone
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ScheduleId
from domain.rejection import NotFound
from domain.schedule import (
    Event,
    Schedule,
    ScheduleCreated,
    ScheduleDeleted,
    ScheduleFollowed,
    ScheduleMissed,
    SchedulePaused,
    ScheduleResumed,
    ScheduleSkipped,
    ScheduleTimed,
    Timing,
    evolve,
)


class CreateSchedule(Command):
    """Deploy an environment at times."""

    schedule_id: ScheduleId
    project_id: ProjectId
    environment_id: EnvironmentId
    timing: Timing
    paused: bool = False
    slot: int = 1


class ChangeSchedule(Command):
    """Let it deploy at other times, another branch, or not for a while."""

    schedule_id: ScheduleId
    timing: Timing | UnsetType = UNSET
    paused: bool | UnsetType = UNSET


class SettleRun(Command):
    """Keep what became of the deployment that was due: it was asked for, or refused, or (neither) nobody was there
    to ask from ``first`` on."""

    schedule_id: ScheduleId
    due: datetime
    first: datetime | None = None
    deployment_id: DeploymentId | None = None
    refused: str | None = None


class DeleteSchedule(Command):
    """Deploy no more."""

    schedule_id: ScheduleId


ScheduleCommand = CreateSchedule | ChangeSchedule | SettleRun | DeleteSchedule


def decide(command: ScheduleCommand, state: Schedule) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    if isinstance(command, CreateSchedule):
        return [] if state.created else _create(command)
    require_schedule(state)
    match command:
        case ChangeSchedule():
            return [*_changed(command, state)]
        case SettleRun():
            return [] if state.settled and command.due <= state.settled else [_settled(command)]
        case DeleteSchedule():
            return [ScheduleDeleted(schedule_id=command.schedule_id)]


def require_schedule(state: Schedule) -> ScheduleCreated:
    """How it was created; refuse where it never was, or is no more."""
    if state.created is None or state.deleted:
        raise NotFound("There is no such schedule.")
    return state.created


def _create(command: CreateSchedule) -> Sequence[Event]:
    _require(command.timing)
    return [
        ScheduleCreated(
            schedule_id=command.schedule_id,
            project_id=command.project_id,
            environment_id=command.environment_id,
            timing=command.timing,
            slot=command.slot,
            paused=command.paused,
        )
    ]


def _changed(command: ChangeSchedule, state: Schedule) -> Iterator[Event]:
    if command.timing is not UNSET and command.timing != state.timing:
        _require(command.timing)
        yield ScheduleTimed(schedule_id=command.schedule_id, timing=command.timing)
    if command.paused is not UNSET and command.paused != state.paused:
        switched = SchedulePaused if command.paused else ScheduleResumed
        yield switched(schedule_id=command.schedule_id)


def _settled(command: SettleRun) -> Event:
    if command.deployment_id is not None:
        return ScheduleFollowed(schedule_id=command.schedule_id, due=command.due, deployment_id=command.deployment_id)
    if command.refused is not None:
        return ScheduleSkipped(schedule_id=command.schedule_id, due=command.due, why=checks.shown(command.refused))
    return ScheduleMissed(schedule_id=command.schedule_id, first=command.first or command.due, due=command.due)


def _require(timing: Timing) -> None:
    check(
        [
            ("timezone", time_zone(timing.time_zone)),
            ("branch", None if timing.branch is None else checks.branch(timing.branch)),
        ]
    )


DECIDER = Decider(category="schedule", initial=Schedule(), decide=decide, evolve=evolve)
