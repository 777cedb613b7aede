"""Sentences about scheduled deployments."""

from domain import schedule
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


def tell(fact: schedule.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case ScheduleCreated():
            return f"{who} scheduled deployments of an environment {_times(fact.timing)}."
        case ScheduleTimed():
            return f"{who} scheduled deployments {_times(fact.timing)} instead."
        case SchedulePaused():
            return f"{who} paused a schedule of deployments."
        case ScheduleResumed():
            return f"{who} resumed a schedule of deployments."
        case ScheduleFollowed():
            return f"The deployment that was due at {fact.due:%Y-%m-%d %H:%M} UTC was asked for."
        case ScheduleSkipped():
            return f"The deployment that was due at {fact.due:%Y-%m-%d %H:%M} UTC was skipped: {fact.why}"
        case ScheduleMissed():
            since = f"from {fact.first:%Y-%m-%d %H:%M} UTC " if fact.first != fact.due else ""
            return f"What was due {since}until {fact.due:%Y-%m-%d %H:%M} UTC was missed, as nobody was there to ask."
        case ScheduleDeleted():
            return f"{who} deleted a schedule of deployments."


def _times(timing: Timing) -> str:
    branch = f" of the branch '{timing.branch}'" if timing.branch else ""
    return f"at '{timing.cron}' in {timing.time_zone}{branch}"
