"""When a schedule is due: the times of a cron expression in a time zone.

Daylight saving is as cron(8) has it: a time of day that the clocks leave out is due when they go on, one that they
show twice is due once, and what is due every so many minutes or hours goes by the time that passes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from commands.checks import invalid

FIELDS = 5


def require_cron(field: str, expression: str) -> None:
    """Refuse an expression that is not of cron's, or names no time. Raises ``Invalid``."""
    shown = expression[:100]
    if len(expression.split()) != FIELDS:
        raise invalid(field, f"'{shown}' must have {FIELDS} fields: minute, hour, day, month, weekday")
    try:
        next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError:
        raise invalid(field, f"'{shown}' is no cron expression; use one such as '30 2 * * mon-fri'") from None
    except StopIteration:
        raise invalid(field, f"'{shown}' names no day that ever comes") from None


def following(expression: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """The times behind ``after``, in order and in UTC, of an expression that ``require_cron`` has let pass."""
    last = after.astimezone(UTC)
    for time in CronSim(expression, after.astimezone(ZoneInfo(time_zone))):
        if (due := time.astimezone(UTC)) > last:  # begun in an hour that comes twice, it goes back to the first one
            yield due
            last = due


def upcoming(expression: str, time_zone: str, after: datetime, count: int) -> list[datetime]:
    """The next so many times."""
    return list(islice(following(expression, time_zone, after), count))


def latest(expression: str, time_zone: str, until: datetime) -> datetime | None:
    """The last time that is not behind ``until``, to the hour where the clocks are changed."""
    before = CronSim(expression, until.astimezone(ZoneInfo(time_zone)), reverse=True)
    return next((due for time in before if (due := time.astimezone(UTC)) <= until), None)
