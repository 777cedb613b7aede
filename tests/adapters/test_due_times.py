"""When schedules are due: cron's expressions on the clocks of a time zone, daylight saving included."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.due_times import following, latest, require_cron, upcoming
from domain.rejection import Invalid
from domain.schedule import Timing
from services.scheduling import pending

BERLIN = "Europe/Berlin"
SPRING, AUTUMN = datetime(2025, 3, 29, 12, tzinfo=UTC), datetime(2025, 10, 25, 12, tzinfo=UTC)
"""The noon before the clocks of Berlin go on, and before they go back."""
HOUR = timedelta(hours=1)


def shown(expression: str, after: datetime, count: int) -> list[str]:
    return [f"{due:%m-%d %H:%M}" for due in upcoming(expression, BERLIN, after, count)]


def test_a_time_of_day_that_the_clocks_leave_out_is_due_when_they_go_on() -> None:
    assert shown("30 2 * * *", SPRING, 2) == ["03-30 01:00", "03-31 00:30"]


def test_a_time_of_day_that_the_clocks_show_twice_is_due_once() -> None:
    assert shown("30 2 * * *", AUTUMN, 2) == ["10-26 00:30", "10-27 01:30"]
    assert shown("30 2 * * *", datetime(2025, 10, 26, 1, 15, tzinfo=UTC), 1) == ["10-27 01:30"]


def test_what_is_due_each_half_hour_goes_by_the_time_that_passes() -> None:
    night = datetime(2025, 10, 26, 0, tzinfo=UTC)
    dues = upcoming("*/30 * * * *", BERLIN, night, 6)
    assert [due - night for due in dues] == [number * HOUR / 2 for number in range(1, 7)]


@given(
    expression=st.sampled_from(["*/30 * * * *", "30 2 * * *", "0 0 1 * *", "15 1-3 * * sun", "* * * * *"]),
    minutes=st.integers(min_value=0, max_value=72 * 60),
    day=st.sampled_from([SPRING, AUTUMN]),
)
def test_wherever_one_begins_to_count_the_times_are_the_same(expression: str, minutes: int, day: datetime) -> None:
    after = day + timedelta(minutes=minutes)
    wanted = next(due for due in following(expression, BERLIN, day - timedelta(days=1)) if due > after)
    assert next(following(expression, BERLIN, after)) == wanted


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "* * * * * *", "61 * * * *", "@daily", "0 0 30 2 *", "a b c d e", "0 0 * * mon-" * 50]
)
def test_what_names_no_time_is_refused(expression: str) -> None:
    with pytest.raises(Invalid) as caught:
        require_cron("cron", expression)
    assert [detail.field for detail in caught.value.details] == ["cron"]


def test_the_last_time_is_the_one_before() -> None:
    assert latest("0 3 * * *", "UTC", datetime(2025, 6, 2, 12, tzinfo=UTC)) == datetime(2025, 6, 2, 3, tzinfo=UTC)


class TestWhatIsPending:
    HOURLY = Timing(cron="0 * * * *")
    NOW = datetime(2025, 6, 2, 12, 30, tzinfo=UTC)

    def test_what_is_due_for_less_than_an_hour_is_asked_for(self) -> None:
        assert pending(self.HOURLY, datetime(2025, 6, 2, 12, tzinfo=UTC), self.NOW) == (
            datetime(2025, 6, 2, 12, tzinfo=UTC),
            None,
        )

    def test_of_several_the_last_is_asked_for_and_what_is_older_was_missed(self) -> None:
        due, missed = pending(self.HOURLY, datetime(2025, 6, 2, 7, tzinfo=UTC), self.NOW)
        assert (due, missed) == (datetime(2025, 6, 2, 12, tzinfo=UTC), datetime(2025, 6, 2, 11, tzinfo=UTC))

    def test_what_is_due_for_more_than_an_hour_was_missed(self) -> None:
        nightly = Timing(cron="0 3 * * *")
        assert pending(nightly, datetime(2025, 6, 1, 3, tzinfo=UTC), self.NOW) == (
            None,
            datetime(2025, 6, 2, 3, tzinfo=UTC),
        )

    def test_each_minute_is_asked_for_alone(self) -> None:
        minutely = Timing(cron="* * * * *")
        [first, second] = islice(following("* * * * *", "UTC", self.NOW), 2)
        assert pending(minutely, first, first) == (first, None)
        assert pending(minutely, first, second) == (second, None)
