"""Which places of a workspace are taken (``commands.limiting``), and how much it has printed."""

from datetime import UTC, datetime

from adapters.database import Database
from commands.limiting import DEPLOYMENTS, PROJECTS, SECRETS
from domain.fact import Value
from domain.identifiers import TenantId
from domain.reservations import BUILD_SLOT

SOME = 32
"""So many free places are told at once."""
MEGABYTE = 1_000_000


class Used(Value):
    """How much a workspace uses."""

    deployments_per_day: int
    builds_at_once: int
    projects: int
    secrets: int
    log_mb_per_day: int


class Quotas:
    """The port ``commands.ports.Places`` on Postgres, and what is used for those who look."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def free(self, scope: str, limit: int) -> list[int]:
        """Some of the places from 1 to ``limit`` that nothing holds, if there are any. Raises ``Unavailable``."""
        rows = await self._database.fetch(
            "SELECT place FROM generate_series(1, %s::int) AS place WHERE NOT EXISTS"
            " (SELECT FROM log.reservations WHERE scope = %s AND name = place::text) ORDER BY random() LIMIT %s",
            [limit, scope, SOME],
        )
        return [int(place) for (place,) in rows]

    async def held(self, tenant_id: TenantId, scope: str) -> int:
        """How many places of a scope the workspace has taken. Raises ``Unavailable``."""
        rows = await self._database.fetch(
            "SELECT count(*) FROM log.reservations WHERE scope = %s", [f"{scope}/{tenant_id}"]
        )
        return int(rows[0][0])

    async def used(self, tenant_id: TenantId, at: datetime) -> Used:
        """Everything that is counted. What was made while there was no limit holds no place. Raises ``Unavailable``."""
        printed = await self._database.fetch(
            "SELECT coalesce(sum(bytes), 0)::int8 FROM access.printed WHERE tenant_id = %s AND day = %s",
            [tenant_id, at.astimezone(UTC).date()],
        )
        return Used(
            deployments_per_day=await self.held(tenant_id, DEPLOYMENTS.of(at)),
            builds_at_once=await self.held(tenant_id, BUILD_SLOT),
            projects=await self.held(tenant_id, PROJECTS.scope),
            secrets=await self.held(tenant_id, SECRETS.scope),
            log_mb_per_day=-(-int(printed[0][0]) // MEGABYTE),
        )
