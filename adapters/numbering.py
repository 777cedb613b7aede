"""Counters that never give a number twice."""

from adapters.database import Database
from domain.identifiers import TenantId


class Counters:
    """The port ``commands.ports.Numbers`` on Postgres: a row for each tenant and series."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def following(self, tenant_id: TenantId, series: str) -> int:
        """The next number of the tenant's series, from 1. One that is given and not used is left out.

        Raises ``Unavailable``.
        """
        rows = await self._database.fetch(
            "INSERT INTO log.numbers (tenant_id, series, last) VALUES (%s, %s, 1)"
            " ON CONFLICT (tenant_id, series) DO UPDATE SET last = numbers.last + 1 RETURNING last",
            [tenant_id, series],  # asked once more after a broken connection, it leaves a number out at the worst
        )
        return int(rows[0][0])
