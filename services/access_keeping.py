"""What guards the entrance and counts by the day is forgotten once nobody can ask for it any more."""

from dataclasses import dataclass
from typing import LiteralString, NoReturn

from adapters.database import Database
from services.offices import rounds

PERIOD_SECONDS = 3600.0

FORGET: tuple[LiteralString, ...] = (
    "DELETE FROM access.attempts WHERE since < now() - interval '1 day' RETURNING 1",
    "DELETE FROM access.uses WHERE at < now() - interval '400 days' RETURNING 1",
    "DELETE FROM access.printed WHERE day < (now() AT TIME ZONE 'UTC')::date - 40 RETURNING 1",
    (
        "DELETE FROM log.reservations WHERE scope >= 'deployment of ' AND scope <"
        " 'deployment of ' || to_char((now() AT TIME ZONE 'UTC')::date - 1, 'YYYY-MM-DD') RETURNING 1"
    ),
)
"""Places of days that are over hold nothing back; one day more is kept, as clocks differ."""


@dataclass(frozen=True)
class AccessKeeping:
    """Forgets once an hour. Any number of processes may run one; one of them works."""

    database: Database

    async def run(self) -> NoReturn:
        """Forget until cancelled; a server that is away is waited for."""
        await rounds(self.database, "access keeping", PERIOD_SECONDS, self.forget)

    async def forget(self) -> None:
        """Forget what is over. Raises ``Unavailable``."""
        for statement in FORGET:
            await self.database.fetch(statement)
