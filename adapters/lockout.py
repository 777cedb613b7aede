"""Wrong passwords, counted for all processes together: who tries too often is locked out for a while.

An attempt counts before its password is looked at, and is forgiven when that was right; so no number of processes or
connections lets anybody try more than the limits say.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import LiteralString

from adapters.database import Database
from domain.fact import Value

PERIOD = timedelta(minutes=15)
"""Attempts are forgotten so long after the first of them; and so long a lock-out lasts."""

_COUNT: LiteralString = (
    "INSERT INTO access.attempts AS known (subject, number, since)"
    " SELECT subject, 1, now() FROM unnest(%s::text[], %s::int[]) AS given (subject, most) ORDER BY subject"
    " ON CONFLICT (subject) DO UPDATE SET"
    " number = CASE WHEN known.since < now() - %s::interval THEN 1 ELSE known.number + 1 END,"
    " since = CASE WHEN known.since < now() - %s::interval"
    " OR known.number = (SELECT most FROM unnest(%s::text[], %s::int[]) AS given (subject, most)"
    " WHERE given.subject = known.subject) THEN now() ELSE known.since END"
    " RETURNING subject, number, since, now()"
)
"""The attempt behind the last allowed one begins the lock-out. In one order, so that no two wait for each other."""
_FORGIVE: LiteralString = (
    "UPDATE access.attempts SET number = number - 1 WHERE subject = ANY(%s) AND number > 0 RETURNING 1"
)
_FORGET: LiteralString = "DELETE FROM access.attempts WHERE subject = %s RETURNING 1"


class Tries(Value):
    """How many wrong passwords are allowed within ``PERIOD``."""

    here: int = 10
    """For one account from one address."""
    everywhere: int = 100
    """For one account from all addresses."""
    address: int = 200
    """From one address, for all accounts."""


class Locked(Value):
    """No password is looked at before ``until``."""

    until: datetime
    seconds: int
    attempts: int
    begins: bool
    """This attempt is the one that locks."""
    of_account: bool
    """The account is locked, from the address or from everywhere, and not the address alone."""
    everywhere: bool


_USUAL = Tries()


class Lockout:
    """Counts attempts to sign in."""

    def __init__(self, database: Database, tries: Tries = _USUAL) -> None:
        self._database = database
        self._tries = tries

    async def count(self, login: str, address: str) -> Locked | None:
        """Count an attempt; what locks it out, the longest of all that do. Raises ``Unavailable``."""
        most = self._limits(login, address)
        subjects, limits = list(most), list(most.values())
        rows = await self._database.fetch(_COUNT, [subjects, limits, PERIOD, PERIOD, subjects, limits])
        locks = [
            _locked(subject == subjects[0], subject == subjects[1], most[subject], number, since, now)
            for subject, number, since, now in rows
            if number > most[subject]
        ]
        return max(locks, key=lambda lock: lock.until, default=None)

    async def forgive(self, login: str, address: str) -> None:
        """The password was right: the attempt does not count, and earlier ones from there are forgotten."""
        here, *others = self._limits(login, address)
        await self._database.fetch(_FORGET, [here])
        await self._database.fetch(_FORGIVE, [others])

    def _limits(self, login: str, address: str) -> dict[str, int]:
        tries = self._tries
        return {
            _subject("here", login, address): tries.here,
            _subject("everywhere", login): tries.everywhere,
            _subject("address", address): tries.address,
        }


def _locked(here: bool, everywhere: bool, most: int, number: int, since: datetime, now: datetime) -> Locked:
    until = since + PERIOD
    return Locked(
        until=until.astimezone(UTC),
        seconds=max(1, ceil((until - now).total_seconds())),
        attempts=most,
        begins=number == most + 1,
        of_account=here or everywhere,
        everywhere=everywhere,
    )


def _subject(*parts: str) -> str:
    """Whatever people typed as their address does not lie in a table for all to read."""
    return sha256("\n".join(parts).encode(errors="replace")).hexdigest()
