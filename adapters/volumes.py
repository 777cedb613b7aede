"""How much the programs of each workspace have printed today, over all executors, and whether they may print more.

Counted in memory and added up in PostgreSQL once a second; so a limit is kept to what is printed in a second or two.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Self

from adapters.cancelling import ended
from adapters.database import Database, Unavailable
from adapters.quotas import MEGABYTE
from domain.identifiers import TenantId
from domain.limits import Limits

ADD_SECONDS = 1.0
LOOK_ROUNDS = 10
"""After so many rounds limits, and what others printed, are looked up even where nothing was printed here."""

LEFT_OUT = (
    "Lines are left out from here on: the workspace has printed as much as it may today. It may again at 00:00 UTC."
)

LimitsOf = Callable[[TenantId], Awaitable[Limits]]


class Volume:
    """One workspace's day, as this process knows it."""

    def __init__(self) -> None:
        self.left: float = inf
        """Bytes, without those that are not added up yet."""
        self.fresh = 0

    def take(self, size: int) -> bool:
        """Whether so many bytes more may be printed; they count if so."""
        if self.left - self.fresh < size:
            return False
        self.fresh += size
        return True


class Volumes:
    """Every workspace's."""

    def __init__(self, database: Database, limits_of: LimitsOf) -> None:
        self._database = database
        self._limits_of = limits_of
        self._volumes: dict[TenantId, Volume] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, limits_of: LimitsOf) -> AsyncIterator[Self]:
        """Volumes that are added up for as long as the context lasts."""
        volumes = cls(database, limits_of)
        adding = asyncio.create_task(volumes._run(), name="volumes")
        try:
            yield volumes
        finally:
            await ended(adding)

    async def of(self, tenant_id: TenantId) -> Volume:
        """The workspace's; the same one for as long as this process lives. Raises ``Unavailable``."""
        known = self._volumes.get(tenant_id)
        if known is None:
            known = self._volumes[tenant_id] = Volume()
            await self.add_up(tenant_id)
        return known

    async def add_up(self, tenant_id: TenantId) -> None:
        """Add what was printed to the day's sum, and see what is left. Raises ``Unavailable``."""
        volume = self._volumes[tenant_id]
        fresh, volume.fresh = volume.fresh, 0
        try:
            limit = (await self._limits_of(tenant_id)).log_mb_per_day
            [(printed,)] = await self._database.fetch(
                "INSERT INTO access.printed AS known VALUES (%s, (now() AT TIME ZONE 'UTC')::date, %s)"
                " ON CONFLICT (tenant_id, day) DO UPDATE SET bytes = known.bytes + excluded.bytes RETURNING bytes",
                [tenant_id, fresh],
            )
        except Unavailable:
            volume.fresh += fresh
            raise
        volume.left = inf if limit is None else limit * MEGABYTE - printed

    async def _run(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(ADD_SECONDS)
            rounds += 1
            for tenant_id, volume in list(self._volumes.items()):
                if volume.fresh or (volume.left < inf and rounds % LOOK_ROUNDS == 0):
                    with suppress(Unavailable):
                        await self.add_up(tenant_id)
