"""How long each workspace's things are kept, where it says so."""

from collections.abc import Sequence
from datetime import datetime

from domain.history import Recorded
from domain.identifiers import TenantId
from domain.retention import RetentionPolicy, RetentionSet
from projections.changes import Change, Put, ReadModel, Row, Table
from projections.reading import Reader


class RetentionRow(Row):
    """A workspace's policy, and who set it."""

    tenant_id: TenantId
    policy: RetentionPolicy
    updated_at: datetime
    updated_by: str


POLICIES = Table("policies", RetentionRow, key=("tenant_id",))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of policies."""
    match recorded.fact:
        case RetentionSet() as fact:
            row = RetentionRow(
                tenant_id=fact.tenant_id,
                policy=fact.policy,
                updated_at=recorded.context.at,
                updated_by=recorded.context.actor.name,
            )
            return [Put(POLICIES, row)]
        case _:
            return []


MODEL = ReadModel("retention", [POLICIES], project, RetentionSet)


async def find(reader: Reader, tenant: TenantId) -> RetentionRow | None:
    """The workspace's policy, if it has one of its own."""
    return await reader.one(POLICIES, {"tenant_id": tenant})
