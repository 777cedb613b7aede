"""Facts as the log would give them."""

from datetime import UTC, datetime
from uuid import UUID

from domain.deployment import DeploymentCancelled, DeploymentQueued, Recipe
from domain.environment import EnvironmentRolledBack
from domain.fact import Fact
from domain.history import Actor, Context, Recorded
from domain.identifiers import (
    CausationId,
    ConnectionId,
    DeploymentId,
    EnvironmentId,
    ProjectId,
    ReleaseId,
    RequestId,
    TenantId,
    stream,
)
from domain.project import BuildConfig, ProjectType, RuntimeConfig

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


def queued(position: int) -> Recorded:
    """A deployment that waits for an executor."""
    recipe = Recipe(
        type=ProjectType.STATIC,
        connection_id=ConnectionId(identifier(1)),
        root_directory="",
        build=BuildConfig(),
        runtime=RuntimeConfig(),
    )
    fact = DeploymentQueued(
        deployment_id=DeploymentId(identifier(position)),
        number=position,
        project_id=ProjectId(identifier(2)),
        environment_id=EnvironmentId(identifier(3)),
        branch="main",
        recipe=recipe,
    )
    return recorded(fact, position)


def rolled_back(position: int) -> Recorded:
    """An environment whose earlier release is asked for; ``position`` counts its activations, too."""
    fact = EnvironmentRolledBack(
        environment_id=EnvironmentId(identifier(position)),
        activation=position,
        release_id=ReleaseId(identifier(4)),
        former_release_id=None,
    )
    return recorded(fact, position)
