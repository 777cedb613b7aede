"""Freeze windows: what may be asked."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from commands import checks
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from domain.freeze import Event, Freezes, FreezeWindow, FreezeWindowAdded, FreezeWindowRemoved, Weekly, evolve
from domain.identifiers import FreezeWindowId, TenantId
from domain.rejection import Conflict, NotFound

MOST_WINDOWS = 100
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


class AddFreezeWindow(Command):
    """Freeze deployments, or allow them, at some time."""

    tenant_id: TenantId
    window: FreezeWindow


class RemoveFreezeWindow(Command):
    """Let the window be no more."""

    tenant_id: TenantId
    window_id: FreezeWindowId


FreezeCommand = AddFreezeWindow | RemoveFreezeWindow


def decide(command: FreezeCommand, state: Freezes) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case AddFreezeWindow():
            return _add(command, state)
        case RemoveFreezeWindow():
            window = state.windows.get(command.window_id)
            if window is None:
                raise NotFound("There is no such freeze window.")
            return [FreezeWindowRemoved(tenant_id=command.tenant_id, window_id=command.window_id, name=window.name)]


def _add(command: AddFreezeWindow, state: Freezes) -> Sequence[Event]:
    window = command.window
    if window.window_id in state.windows:
        return []
    check([("name", checks.name(window.name)), *(_weekly(window.weekly) if window.weekly else _once(window))])
    if window.environment_id and not window.project_id:
        check([("projectId", "must be named with environmentId")])
    if len(state.windows) >= MOST_WINDOWS:
        raise Conflict(f"A workspace may have {MOST_WINDOWS} freeze windows. Remove one.", code="too_many_windows")
    return [FreezeWindowAdded(tenant_id=command.tenant_id, window=window)]


def _once(window: FreezeWindow) -> list[tuple[str, str | None]]:
    if window.begins is None or window.ends is None:
        return [("from", "must be said with until, as times such as 2030-01-31T18:00:00Z")]
    if window.begins.tzinfo is None or window.ends.tzinfo is None:
        return [("from", "must name its offset, such as 2030-01-31T18:00:00Z")]
    return [("until", None if window.begins < window.ends else "must be later than from")]


def _weekly(weekly: Weekly) -> list[tuple[str, str | None]]:
    return [
        ("days", None if weekly.days and len(set(weekly.days)) == len(weekly.days) else "must name days, each once"),
        ("from", clock(weekly.begins)),
        ("until", clock(weekly.ends)),
        ("timezone", time_zone(weekly.time_zone)),
    ]


def clock(value: str) -> str | None:
    """A time of day."""
    return None if _CLOCK.fullmatch(value) else f"must be a time of day such as 18:00, not '{value[:40]}'"


def time_zone(value: str) -> str | None:
    """The name of a time zone."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):  # a name that leads out of the folder, to a folder, or to nothing
        return f"'{value[:40]}' is no time zone; use one such as Europe/Berlin or UTC"
    return None


DECIDER = Decider(category="freezes", initial=Freezes(), decide=decide, evolve=evolve)
