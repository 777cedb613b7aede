"""Schedules of an environment's deployments."""

from datetime import datetime

from adapters.http.native.wire.schedules import DeployScheduleOut, ScheduleCreation, SchedulePatch
from services.cli import finding
from services.cli.session import Session
from services.exits import Exit


def listing(session: Session, project: str | None, environment: str) -> int:
    """An environment's schedules."""
    found = session.listed(DeployScheduleOut, *_place(session, project, environment), "schedules")
    session.console.document(found)
    session.console.table(
        ("SCHEDULE", "CRON", "TIME ZONE", "BRANCH", "NEXT", "LAST"),
        [(one.id, one.cron, one.timezone, one.branch or "", _next(one), _last(one)) for one in found],
        empty="There is no schedule. Add one: shipbook schedules add '30 2 * * mon-fri'",
    )
    return Exit.OK


def add(session: Session, project: str | None, environment: str, cron: str, time_zone: str, branch: str | None) -> int:
    """Add a schedule."""
    creation = ScheduleCreation(cron=cron, timezone=time_zone, branch=branch)
    path = session.path(*_place(session, project, environment), "schedules")
    return _said(session, session.client.post(path, creation, DeployScheduleOut))


def pause(session: Session, project: str | None, environment: str, wanted: str, *, paused: bool) -> int:
    """Pause or resume a schedule."""
    path = _schedule(session, project, environment, wanted)
    return _said(session, session.client.patch(path, SchedulePatch(paused=paused), DeployScheduleOut))


def remove(session: Session, project: str | None, environment: str, wanted: str) -> int:
    """Delete a schedule."""
    path = _schedule(session, project, environment, wanted)
    session.client.delete(path)
    session.console.document({"deleted": path.rpartition("/")[2]})
    session.console.say("The schedule is deleted.")
    return Exit.OK


def _place(session: Session, project: str | None, environment: str) -> tuple[str, ...]:
    found = finding.project(session, project)
    return "projects", found.id, "environments", finding.environment(found, environment).id


def _schedule(session: Session, project: str | None, environment: str, wanted: str) -> str:
    place = _place(session, project, environment)
    found = session.listed(DeployScheduleOut, *place, "schedules")
    return session.path(*place, "schedules", finding.chosen(wanted, found, lambda one: (one.id,), "schedule").id)


def _said(session: Session, schedule: DeployScheduleOut) -> int:
    session.console.document(schedule)
    session.console.say(f"'{schedule.cron}' in {schedule.timezone}: {_next(schedule)}")
    return Exit.OK


def _next(schedule: DeployScheduleOut) -> str:
    if schedule.paused:
        return "paused"
    return _shown(schedule.next_runs[0]) if schedule.next_runs else "never"


def _last(schedule: DeployScheduleOut) -> str:
    return f"{schedule.last_run.outcome} {_shown(schedule.last_run.due)}" if schedule.last_run else ""


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
