"""Freeze windows: what there are, adding one, removing one."""

from typing import Literal

from adapters.http.native.wire.freezes import FreezeWindowCreation, FreezeWindowOut
from domain.freeze import DAYS, Day, FreezeKind
from services.cli import finding
from services.cli.session import Session
from services.exits import Exit, WrongUsage


def listing(session: Session) -> int:
    """The workspace's windows."""
    found = session.listed(FreezeWindowOut, "freeze-windows")
    projects = {one.id: one.slug for one in finding.projects(session)}
    session.console.document(found)
    session.console.table(
        ("NAME", "KIND", "PROJECT", "FROM", "UNTIL", "DAYS", "NOW"),
        [
            (
                one.name,
                one.kind,
                projects.get(one.project_id, "") if one.project_id else "",
                one.begins,
                one.until,
                " ".join(one.days or ()),
                "active" if one.active else "",
            )
            for one in found
        ],
        empty="Nothing is frozen. Freeze deployments: shipbook freezes add NAME --from TIME --until TIME",
    )
    return Exit.OK


def add(
    session: Session,
    name: str,
    begins: str,
    until: str,
    days: str | None,
    time_zone: str,
    kind: Literal["deny", "allow"],
    project_name: str | None,
    environment: str | None,
) -> int:
    """Add a window."""
    project = finding.project(session, project_name) if project_name or environment else None
    place = finding.environment(project, environment) if project and environment else None
    creation = FreezeWindowCreation(
        name=name,
        kind=FreezeKind(kind),
        project_id=project.id if project else None,
        environment_id=place.id if place else None,
        begins=begins,
        until=until,
        days=_days(days) if days else None,
        timezone=time_zone,
    )
    added = session.client.post(session.path("freeze-windows"), creation, FreezeWindowOut)
    session.console.document(added)
    session.console.say(f"{added.name} lasts now." if added.active else f"{added.name} is kept.")
    return Exit.OK


def remove(session: Session, wanted: str) -> int:
    """Remove a window."""
    found = session.listed(FreezeWindowOut, "freeze-windows")
    window = finding.chosen(wanted, found, lambda one: (one.name, one.id), "freeze window")
    session.client.delete(session.path("freeze-windows", window.id))
    session.console.document({"removed": window.name, "id": window.id})
    session.console.say(f"{window.name} is removed.")
    return Exit.OK


def _days(text: str) -> tuple[Day, ...]:
    try:
        return tuple(Day(day.strip().casefold()) for day in text.split(","))
    except ValueError:
        raise WrongUsage(f"--days takes some of {','.join(DAYS)}, not '{text}'.") from None
