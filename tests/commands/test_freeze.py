"""Freeze windows: when they last, which of them decides, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from commands.freeze import DECIDER, AddFreezeWindow, RemoveFreezeWindow
from domain.freeze import (
    DAYS,
    Day,
    FreezeKind,
    Freezes,
    FreezeWindow,
    FreezeWindowAdded,
    FreezeWindowRemoved,
    Frozen,
    Weekly,
    lasts,
)
from domain.identifiers import EnvironmentId, FreezeWindowId, ProjectId, TenantId
from domain.rejection import Conflict, Invalid, NotFound
from tests.commands.specification import specification

given = specification(DECIDER)
ACME = TenantId("acme")
SHOP, LIVE = ProjectId("shop"), EnvironmentId("live")
NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
"""A Wednesday."""
HOUR = timedelta(hours=1)


def once(name: str, begins: datetime, ends: datetime, kind: FreezeKind = FreezeKind.DENY, **place: str) -> FreezeWindow:
    scope = {"project_id": place.get("project"), "environment_id": place.get("environment")}
    return FreezeWindow(window_id=FreezeWindowId(name), name=name, kind=kind, begins=begins, ends=ends, **scope)  # type: ignore[arg-type] # ids are texts


def weekly(
    name: str, days: tuple[Day, ...], begins: str, ends: str, zone: str = "UTC", **more: FreezeKind
) -> FreezeWindow:
    times = Weekly(days=days, begins=begins, ends=ends, time_zone=zone)
    return FreezeWindow(window_id=FreezeWindowId(name), name=name, kind=more.get("kind", FreezeKind.DENY), weekly=times)


def over(*windows: FreezeWindow, at: datetime = NOON) -> Frozen | None:
    return Freezes(windows={one.window_id: one for one in windows}).over(SHOP, LIVE, at)


def added(window: FreezeWindow) -> FreezeWindowAdded:
    return FreezeWindowAdded(tenant_id=ACME, window=window)


class TestWhetherDeploymentsAreFrozen:
    def test_they_are_while_a_denial_lasts_until_its_end(self) -> None:
        window = once("fair", NOON, NOON + HOUR)
        assert over(window) == Frozen(name="fair", until=NOON + HOUR)
        assert over(window, at=NOON - timedelta(seconds=1)) is None
        assert over(window, at=NOON + HOUR) is None

    def test_the_end_is_that_of_the_last_of_windows_in_a_row(self) -> None:
        windows = once("first", NOON - HOUR, NOON + HOUR), once("second", NOON + HOUR, NOON + 2 * HOUR)
        assert over(*windows) == Frozen(name="first", until=NOON + 2 * HOUR)

    def test_they_are_outside_of_what_is_allowed_where_anything_is(self) -> None:
        window = once("shift", NOON, NOON + HOUR, FreezeKind.ALLOW)
        assert over(window) is None
        assert over(window, at=NOON - HOUR) == Frozen(name="shift", until=NOON)
        assert over(window, at=NOON + HOUR) is None, "no time is allowed any more, so nothing is said"

    def test_a_denial_beats_what_is_allowed(self) -> None:
        allowed = once("shift", NOON - HOUR, NOON + 2 * HOUR, FreezeKind.ALLOW)
        assert over(allowed, once("fair", NOON, NOON + HOUR)) == Frozen(name="fair", until=NOON + HOUR)

    def test_after_a_denial_what_is_allowed_is_waited_for(self) -> None:
        allowed = once("shift", NOON + 3 * HOUR, NOON + 4 * HOUR, FreezeKind.ALLOW)
        assert over(allowed, once("fair", NOON, NOON + HOUR)) == Frozen(name="fair", until=NOON + 3 * HOUR)

    def test_only_windows_of_the_place_count(self) -> None:
        ends = NOON + HOUR
        assert over(once("a", NOON, ends, project="other")) is None
        assert over(once("b", NOON, ends, project="shop", environment="staging")) is None
        assert over(once("c", NOON, ends, project="shop")) is not None
        assert over(once("d", NOON, ends, project="shop", environment="live")) is not None

    def test_a_freeze_without_an_end_says_so(self) -> None:
        assert over(weekly("always", DAYS, "00:00", "00:00")) == Frozen(name="always", until=None)


class TestAWindowOfEachWeek:
    def test_goes_by_the_clocks_of_its_time_zone(self) -> None:
        window = weekly("evening", (Day.WEDNESDAY,), "13:00", "14:00", "Europe/Berlin")
        assert lasts(window, NOON) == (NOON, NOON + HOUR)

    def test_goes_on_past_midnight(self) -> None:
        window = weekly("night", (Day.TUESDAY,), "22:00", "06:00")
        night = datetime(2030, 1, 1, 22, tzinfo=UTC)
        assert lasts(window, datetime(2030, 1, 2, 5, tzinfo=UTC)) == (night, night + 8 * HOUR)
        assert lasts(window, datetime(2030, 1, 2, 6, tzinfo=UTC)) == (
            night + timedelta(7),
            night + timedelta(7) + 8 * HOUR,
        )

    def test_keeps_its_hours_when_the_clocks_change(self) -> None:
        window = weekly("night", (Day.SATURDAY,), "22:00", "06:00", "Europe/Berlin")
        begins, ends = lasts(window, datetime(2030, 3, 31, 0, tzinfo=UTC)) or (NOON, NOON)
        assert (begins, ends - begins) == (datetime(2030, 3, 30, 21, tzinfo=UTC), 7 * HOUR)


class TestAdding:
    def test_adds_and_removes(self) -> None:
        window = once("fair", NOON, NOON + HOUR)
        add = AddFreezeWindow(tenant_id=ACME, window=window)
        given().when(add).then(added(window))
        given(added(window)).when(add).then_nothing()
        remove = RemoveFreezeWindow(tenant_id=ACME, window_id=window.window_id)
        given(added(window)).when(remove).then(
            FreezeWindowRemoved(tenant_id=ACME, window_id=window.window_id, name="fair")
        )
        given().when(remove).then_refused(NotFound)

    @pytest.mark.parametrize(
        ("window", "field"),
        [
            (once("", NOON, NOON + HOUR), "name"),
            (once("fair", NOON, NOON), "until"),
            (once("fair", NOON.replace(tzinfo=None), NOON + HOUR), "from"),
            (FreezeWindow(window_id=FreezeWindowId("x"), name="x", kind=FreezeKind.DENY), "from"),
            (once("fair", NOON, NOON + HOUR, environment="live"), "projectId"),
            (weekly("w", (), "10:00", "11:00"), "days"),
            (weekly("w", (Day.MONDAY, Day.MONDAY), "10:00", "11:00"), "days"),
            (weekly("w", (Day.MONDAY,), "24:00", "11:00"), "from"),
            (weekly("w", (Day.MONDAY,), "10:00", "noon"), "until"),
            (weekly("w", (Day.MONDAY,), "10:00", "11:00", "../../etc/passwd"), "timezone"),
            (weekly("w", (Day.MONDAY,), "10:00", "11:00", "Moon/Crater"), "timezone"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, window: FreezeWindow, field: str) -> None:
        given().when(AddFreezeWindow(tenant_id=ACME, window=window)).then_refused(Invalid, field=field)

    def test_there_is_an_end_to_it(self) -> None:
        windows = [added(once(f"fair {number}", NOON, NOON + HOUR)) for number in range(100)]
        more = AddFreezeWindow(tenant_id=ACME, window=once("more", NOON, NOON + HOUR))
        given(*windows).when(more).then_refused(Conflict, "too_many_windows")
