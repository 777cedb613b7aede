"""When nothing may be deployed: the freeze windows of a workspace, its projects and its environments.

A window of kind ``deny`` forbids deployments while it lasts. Where windows of kind ``allow`` are for a place,
deployments are allowed there while one of those lasts alone. A denial beats whatever is allowed.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import EnvironmentId, FreezeWindowId, ProjectId, TenantId

FURTHEST = 100
"""So many windows in a row are looked through for the end of a freeze."""


class FreezeKind(StrEnum):
    """What a window does while it lasts."""

    DENY = "deny"
    ALLOW = "allow"


class Day(StrEnum):
    """A day of the week, in the order of ``datetime.weekday``."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


DAYS = tuple(Day)


class Weekly(Value):
    """Times that come each week: from ``begins`` on each of the days until ``ends``, the day after where that is not
    later. Both are ``HH:MM`` on the clocks of the time zone."""

    days: tuple[Day, ...]
    begins: str
    ends: str
    time_zone: str


class FreezeWindow(Value):
    """A time, once (``begins`` and ``ends``) or each week, and the place that it is for: all of the workspace, a
    project, or one environment."""

    window_id: FreezeWindowId
    name: str
    kind: FreezeKind
    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    weekly: Weekly | None = None


class Frozen(Value):
    """Deployments are refused because of the window ``name`` until a moment, or until somebody removes windows."""

    name: str
    until: datetime | None


class FreezeWindowAdded(Fact, tag="freeze.window-added"):
    """Deployments are frozen, or allowed, at some time."""

    tenant_id: TenantId
    window: FreezeWindow


class FreezeWindowRemoved(Fact, tag="freeze.window-removed"):
    """The window is no more."""

    tenant_id: TenantId
    window_id: FreezeWindowId
    name: str


Event = FreezeWindowAdded | FreezeWindowRemoved


class Freezes(Value):
    """What later decisions need of a workspace's windows."""

    windows: dict[FreezeWindowId, FreezeWindow] = {}

    def over(self, project_id: ProjectId, environment_id: EnvironmentId, at: datetime) -> Frozen | None:
        """Why nothing may be deployed to the environment at that moment, if it may not."""
        found = [
            one
            for one in self.windows.values()
            if one.project_id in {None, project_id} and one.environment_id in {None, environment_id}
        ]
        blocked = first = _blocked(found, at)
        for _ in range(FURTHEST):
            if blocked is None or first is None:
                break
            name, until = first[0], blocked[1]
            blocked = _blocked(found, until)
            if blocked is None:
                return Frozen(name=name, until=until)
        return Frozen(name=first[0], until=None) if first else None


def evolve(state: Freezes, fact: Event) -> Freezes:
    """The windows after ``fact``."""
    match fact:
        case FreezeWindowAdded():
            return replace(state, windows={**state.windows, fact.window.window_id: fact.window})
        case FreezeWindowRemoved():
            return replace(state, windows={key: one for key, one in state.windows.items() if key != fact.window_id})


def _blocked(windows: Collection[FreezeWindow], at: datetime) -> tuple[str, datetime] | None:
    """The name of the window that forbids a deployment at that moment, and until when it does."""
    times = [(one, time) for one in windows if (time := lasts(one, at))]
    for one, (begins, ends) in times:
        if one.kind is FreezeKind.DENY and begins <= at:
            return one.name, ends
    allowing = [(begins, one.name) for one, (begins, _) in times if one.kind is FreezeKind.ALLOW]
    if not allowing or min(allowing)[0] <= at:
        return None
    begins, name = min(allowing)
    return name, begins


def lasts(window: FreezeWindow, at: datetime) -> tuple[datetime, datetime] | None:
    """When the window lasts: the time that is under way at that moment, or the next one; None where none follows."""
    if window.weekly is not None:
        return next((time for time in _each(window.weekly, at) if time[1] > at), None)
    if window.begins is None or window.ends is None or window.ends <= at:
        return None
    return window.begins, window.ends


def _each(weekly: Weekly, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The times from the day before that moment on, for more than a week."""
    zone = ZoneInfo(weekly.time_zone)
    begins, ends = time.fromisoformat(weekly.begins), time.fromisoformat(weekly.ends)
    today = at.astimezone(zone).date()
    for offset in range(-1, 9):
        day = today + timedelta(days=offset)
        if DAYS[day.weekday()] in weekly.days:
            last = day if ends > begins else day + timedelta(days=1)
            yield (
                datetime.combine(day, begins, zone).astimezone(at.tzinfo),
                datetime.combine(last, ends, zone).astimezone(at.tzinfo),
            )
