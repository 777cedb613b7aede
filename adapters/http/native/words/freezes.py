"""Freeze windows: both directions."""

from datetime import UTC, datetime

from adapters.http.native.wire.freezes import FreezeWindowCreation, FreezeWindowOut
from commands.checks import invalid
from domain.freeze import FreezeWindow, Weekly, lasts
from domain.identifiers import FreezeWindowId
from projections.freezes import FreezeWindowRow


def window(body: FreezeWindowCreation, window_id: FreezeWindowId) -> FreezeWindow:
    """A window as it is asked for. Raises ``Invalid`` for what is no time."""
    weekly = Weekly(days=body.days, begins=body.begins, ends=body.until, time_zone=body.timezone) if body.days else None
    return FreezeWindow(
        window_id=window_id,
        name=body.name,
        kind=body.kind,
        project_id=body.project_id,
        environment_id=body.environment_id,
        begins=None if weekly else _moment("from", body.begins),
        ends=None if weekly else _moment("until", body.until),
        weekly=weekly,
    )


def freeze_window(row: FreezeWindowRow, now: datetime) -> FreezeWindowOut:
    """A window, with its next time as seen from ``now``."""
    shown, weekly = row.window, row.window.weekly
    time = lasts(shown, now)
    return FreezeWindowOut(
        id=row.id,
        name=shown.name,
        kind=shown.kind,
        project_id=shown.project_id,
        environment_id=shown.environment_id,
        begins=weekly.begins if weekly else _written(shown.begins),
        until=weekly.ends if weekly else _written(shown.ends),
        days=list(weekly.days) if weekly else None,
        timezone=weekly.time_zone if weekly else None,
        active=time is not None and time[0] <= now,
        next_from=time[0] if time else None,
        next_until=time[1] if time else None,
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(name, f"'{text[:40]}' is no time; use one such as 2030-01-31T18:00:00Z, or name days") from None
    if moment.tzinfo is None:
        raise invalid(name, "must name its offset, such as 2030-01-31T18:00:00Z")
    return moment.astimezone(UTC)


def _written(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
