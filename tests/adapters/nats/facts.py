"""Facts as the log would give them."""

from datetime import UTC, datetime
from uuid import UUID

from domain.deployment import DeploymentCancelled
from domain.fact import Fact
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, DeploymentId, RequestId, TenantId, stream

TENANT = TenantId(str(UUID(int=7)))


def identifier(number: int) -> str:
    return str(UUID(int=number))


def recorded(fact: Fact, position: int = 1, tenant_id: TenantId = TENANT) -> Recorded:
    context = Context(
        tenant_id=tenant_id,
        actor=Actor(),
        correlation_id=RequestId("request"),
        causation_id=CausationId(f"cause {position}"),
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    name = stream("deployment", getattr(fact, "deployment_id", "0"))
    return Recorded(position=position, stream=name, version=1, fact=fact, context=context)


def cancelled(position: int, tenant_id: TenantId = TENANT, reason: str | None = None) -> Recorded:
    """Some fact, other for each position."""
    deployment_id = DeploymentId(identifier(position))
    return recorded(DeploymentCancelled(deployment_id=deployment_id, reason=reason), position, tenant_id)
