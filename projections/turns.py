"""Whose turn it is: which of the deployments that have not ended may be worked on."""

from collections import Counter
from collections.abc import Collection, Mapping

from domain.deployment import Status
from domain.identifiers import TenantId
from projections.deployments import DeploymentRow


def in_turn(rows: Collection[DeploymentRow], builds_at_once: Mapping[TenantId, int]) -> list[DeploymentRow]:
    """Of all open deployments of some workspaces those that run, and those whose turn it is to begin.

    Turns come in the order of asking. An environment has one at a time; a workspace has so many for deployments that
    build, and a promotion builds nothing. Who must wait for a build slot keeps the environment's place meanwhile.
    """
    running = [row for row in rows if row.status is Status.RUNNING]
    busy = {row.environment_id for row in running}
    building = Counter(row.tenant_id for row in running if row.promotes is None)
    found = running
    for row in sorted((row for row in rows if row.status is Status.QUEUED), key=lambda row: row.number):
        if row.environment_id in busy:
            continue
        busy.add(row.environment_id)
        if row.promotes is None:
            if building[row.tenant_id] >= builds_at_once[row.tenant_id]:
                continue
            building[row.tenant_id] += 1
        found.append(row)
    return found
