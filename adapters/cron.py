"""Times of cron expressions (five fields, as Debian's cron reads them) in a time zone with its daylight saving."""

from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from commands.checks import invalid


def require_cron(field: str, expression: str) -> None:
    """Refuse an expression that names no time. Raises ``Invalid``."""
    if not _names_a_time(expression):
        shown = expression[:100]
        raise invalid(field, f"'{shown}' is no cron expression; use minute, hour, day, month, weekday")


def _names_a_time(expression: str) -> bool:
    try:
        next(CronSim(expression, datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC"))))
    except (CronSimError, StopIteration):
        return False
    return len(expression.split()) == 5  # a sixth field would be seconds


def following(expression: str, time_zone: str, after: datetime) -> datetime:
    """The first time behind ``after``. The expression is one that ``require_cron`` has let pass."""
    return next(CronSim(expression, after.astimezone(ZoneInfo(time_zone))))


def latest(expression: str, time_zone: str, before: datetime) -> datetime:
    """The last time before ``before``."""
    return next(CronSim(expression, before.astimezone(ZoneInfo(time_zone)), reverse=True))
