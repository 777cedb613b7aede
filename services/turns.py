"""Who may work: deployments in their order, one at a time in an environment, so many builds in a workspace.

What keeps the rule is reservations that a lease takes and a deployment's end gives back (``domain.reservations``). The
order is looked up in the read models beforehand: whoever is not in turn yet is put away, and offered again when a
deployment of the workspace ends, or by the sweeper.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from commands.policies import BuildWork
from domain.deployment import Status
from domain.identifiers import TenantId
from projections import deployments
from projections.deployments import DeploymentRow
from projections.reading import Reader
from projections.turns import in_turn

BuildsAtOnce = Callable[[TenantId], Awaitable[int]]


@dataclass(frozen=True)
class Turns:
    """Looks up whose turn it is."""

    reader: Reader
    builds_at_once: BuildsAtOnce

    async def has_come(self, item: BuildWork) -> bool:
        """Whether the deployment may be worked on, as far as the read models know of it."""
        rows = await deployments.open_of(self.reader, item.tenant_id)
        known = any(row.id == item.deployment_id and row.status is not Status.WAITING for row in rows)
        return not known or item.deployment_id in {row.id for row in await self._in_turn(rows)}

    async def of(self, tenant_id: TenantId) -> list[BuildWork]:
        """What may be worked on in a workspace."""
        return _items(await self._in_turn(await deployments.open_of(self.reader, tenant_id)))

    async def everywhere(self) -> list[BuildWork]:
        """What may be worked on in all workspaces; for the sweeper."""
        return _items(await self._in_turn(await deployments.open_deployments(self.reader)))

    async def _in_turn(self, rows: Sequence[DeploymentRow]) -> list[DeploymentRow]:
        return in_turn(rows, {tenant: await self.builds_at_once(tenant) for tenant in {row.tenant_id for row in rows}})


def _items(rows: Sequence[DeploymentRow]) -> list[BuildWork]:
    return [BuildWork(tenant_id=row.tenant_id, deployment_id=row.id) for row in rows]
