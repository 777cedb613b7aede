"""Scheduled deployments."""

from datetime import datetime
from typing import Literal

from adapters.due_times import upcoming
from adapters.http.native.wire.schedules import DeployScheduleOut, RunOut
from projections.schedules import LastRun, ScheduleRow

NEXT = 5
"""How many of the next times are shown."""

OUTCOME: dict[LastRun, Literal["asked", "skipped", "missed"]] = {
    LastRun.ASKED: "asked",
    LastRun.SKIPPED: "skipped",
    LastRun.MISSED: "missed",
}


def schedule(row: ScheduleRow, now: datetime) -> DeployScheduleOut:
    """A schedule, with the times that come after ``now``."""
    timing = row.timing
    return DeployScheduleOut(
        id=row.id,
        project_id=row.project_id,
        environment_id=row.environment_id,
        cron=timing.cron,
        timezone=timing.time_zone,
        branch=timing.branch,
        paused=row.paused,
        next_runs=[] if row.paused else upcoming(timing.cron, timing.time_zone, max(now, row.since), NEXT),
        last_run=_last(row),
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _last(row: ScheduleRow) -> RunOut | None:
    if row.last_due is None or row.last_run is None:
        return None
    return RunOut(
        due=row.last_due,
        outcome=OUTCOME[row.last_run],
        deployment_id=row.last_deployment_id,
        problem=row.last_problem,
    )
