"""What must hold of a managed database, and of what is said of one."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from commands import checks, secret
from commands.checks import invalid
from domain.database import BackupSchedule, Database, DatabaseCreated, DatabasePlaced, Engine, Status
from domain.rejection import Conflict, NotFound

VERSIONS = {Engine.POSTGRES: "18", Engine.REDIS: "9"}
"""The major version that is made of each engine; Valkey's, whose 9 speaks what Redis 7.2 speaks."""
VARIABLES = {Engine.POSTGRES: "DATABASE_URL", Engine.REDIS: "REDIS_URL"}
"""The secret that an environment gets, where none is named."""
NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
MEMORY_MB = 128, 16_384


def require_database(state: Database) -> DatabaseCreated:
    """How it was asked for; refuse where it never was, or is gone."""
    if state.created is None or state.status is Status.DELETED:
        raise NotFound("There is no such database.")
    return state.created


def require_kept(state: Database) -> DatabaseCreated:
    """The same; refuse where it is being deleted."""
    created = require_database(state)
    if state.status is Status.DELETING:
        raise Conflict(f"The database '{created.name}' is being deleted.", code="deleting")
    return created


def require_placed(state: Database) -> DatabasePlaced:
    """Where it is; refuse where no machine has taken it on."""
    created = require_kept(state)
    if state.placed is None:
        raise Conflict(f"The database '{created.name}' is still being created. Try again in a moment.", code="creating")
    return state.placed


def require_running(state: Database) -> DatabasePlaced:
    """Where it is; refuse where it does not run."""
    placed = require_placed(state)
    if state.status is not Status.RUNNING:
        raise Conflict(
            f"The database '{placed.name}' is {state.status}. Start it, and try again once it is running.",
            code="not_running",
        )
    return placed


def require_no_restore(state: Database) -> None:
    """Refuse while a backup is being restored into it."""
    if state.restoring is not None:
        raise Conflict("A backup is being restored into it. Try again once that is done.", code="restoring")


def name(value: str) -> str | None:
    """A database's name, which is one of its host as well."""
    fits = NAME.fullmatch(value)
    return None if fits else f"'{value}' must be 1 to 40 of a-z, 0-9 and '-', begin with a letter, not end with '-'"


def schedule(value: BackupSchedule) -> Sequence[tuple[str, str | None]]:
    """The fields of a schedule, for ``check``; whether the cron expression has a meaning, its reader says."""
    return [
        ("cron", None if len(value.cron.split()) == 5 and len(value.cron) <= 100 else "must have five fields"),
        ("timeZone", _time_zone(value.time_zone)),
        ("keepCount", checks.between(value.keep_count, 1, 1000)),
        ("keepDays", checks.between(value.keep_days, 1, 3650)),
    ]


def _time_zone(name: str) -> str | None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"'{name[:100]}' is no time zone; use one such as Europe/Berlin"
    return None


def variable(engine: Engine, name: str | None, prefix: str | None) -> str:
    """The secret's name: ``name``, or the engine's usual one behind ``prefix``. Raises ``Invalid``."""
    found = name or (prefix or "") + VARIABLES[engine]
    if not secret.NAME.fullmatch(found):
        raise invalid("variable", f"'{found}' is not a variable's name; use letters, digits and '_'")
    return found
