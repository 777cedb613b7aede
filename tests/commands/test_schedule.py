"""Schedules: made, changed, followed once for each due time, and deleted."""

from datetime import UTC, datetime

from commands.schedule import DECIDER, ChangeSchedule, CreateSchedule, DeleteSchedule, SettleRun
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ScheduleId
from domain.rejection import Invalid, NotFound
from domain.schedule import (
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
from tests.commands.specification import specification

given = specification(DECIDER)
ID = ScheduleId("nightly")
DUE, LATER = datetime(2030, 1, 2, 3, tzinfo=UTC), datetime(2030, 1, 3, 3, tzinfo=UTC)
NIGHTLY, WEEKLY = Timing(cron="0 3 * * *"), Timing(cron="0 3 * * mon", time_zone="Europe/Berlin", branch="next")
CREATED = ScheduleCreated(
    schedule_id=ID, project_id=ProjectId("shop"), environment_id=EnvironmentId("live"), timing=NIGHTLY, slot=1
)
DEPLOYMENT = DeploymentId("deployment")
FOLLOWED = ScheduleFollowed(schedule_id=ID, due=DUE, deployment_id=DEPLOYMENT)


def create(timing: Timing = NIGHTLY) -> CreateSchedule:
    return CreateSchedule(
        schedule_id=ID, project_id=ProjectId("shop"), environment_id=EnvironmentId("live"), timing=timing
    )


def test_it_is_created_once() -> None:
    given().when(create()).then(CREATED)
    given(CREATED).when(create()).then_nothing()


def test_what_names_no_time_zone_or_branch_is_refused() -> None:
    given().when(create(Timing(cron="0 3 * * *", time_zone="Moon"))).then_refused(Invalid, field="timezone")
    given().when(create(Timing(cron="0 3 * * *", branch="a b"))).then_refused(Invalid, field="branch")


def test_only_what_changes_is_noted() -> None:
    given(CREATED).when(ChangeSchedule(schedule_id=ID, timing=NIGHTLY, paused=False)).then_nothing()
    given(CREATED).when(ChangeSchedule(schedule_id=ID, timing=WEEKLY, paused=True)).then(
        ScheduleTimed(schedule_id=ID, timing=WEEKLY), SchedulePaused(schedule_id=ID)
    )
    given(CREATED, SchedulePaused(schedule_id=ID)).when(ChangeSchedule(schedule_id=ID, paused=False)).then(
        ScheduleResumed(schedule_id=ID)
    )


def test_what_became_of_a_due_time_is_noted_once() -> None:
    ran = SettleRun(schedule_id=ID, due=DUE, deployment_id=DEPLOYMENT)
    skipped = SettleRun(schedule_id=ID, due=LATER, refused="Deployments are frozen.")
    given(CREATED).when(ran).then(FOLLOWED)
    given(CREATED, FOLLOWED).when(ran).then_nothing()
    given(CREATED, FOLLOWED).when(SettleRun(schedule_id=ID, due=DUE, refused="No.")).then_nothing()
    given(CREATED, FOLLOWED).when(skipped).then(
        ScheduleSkipped(schedule_id=ID, due=LATER, why="Deployments are frozen.")
    )
    given(CREATED).when(SettleRun(schedule_id=ID, first=DUE, due=LATER)).then(
        ScheduleMissed(schedule_id=ID, first=DUE, due=LATER)
    )


def test_nothing_happens_after_it_was_deleted() -> None:
    given(CREATED).when(DeleteSchedule(schedule_id=ID)).then(ScheduleDeleted(schedule_id=ID))
    for command in (
        DeleteSchedule(schedule_id=ID),
        ChangeSchedule(schedule_id=ID, paused=True),
        SettleRun(schedule_id=ID, due=DUE, deployment_id=DEPLOYMENT),
    ):
        given(CREATED, ScheduleDeleted(schedule_id=ID)).when(command).then_refused(NotFound)
