"""Appends as the handler makes them."""

from datetime import UTC, datetime

from commands.ports import Append, Request, Sealed
from domain.fact import Fact
from domain.history import Actor, Context
from domain.identifiers import (
    CausationId,
    ConnectionId,
    EnvironmentId,
    ProjectId,
    RequestId,
    SecretId,
    StreamName,
    TenantId,
    uuid7,
)
from domain.project import EnvironmentAdded, EnvironmentPlan, EnvironmentRelabelled
from domain.repository import RepositoryConnected, RepositoryDisconnected
from domain.secret import SecretRemoved, SecretScope, SecretSet
from domain.workspace import WorkspaceCreated

TENANT = TenantId("tenant")


def context(causation_id: str | None = None) -> Context:
    return Context(
        tenant_id=TENANT,
        actor=Actor(),
        correlation_id=RequestId("request"),
        causation_id=CausationId(causation_id or uuid7()),
        at=datetime.now(UTC),
    )


def named(name: str = "Acme") -> WorkspaceCreated:
    """A fact that reserves nothing."""
    return WorkspaceCreated(tenant_id=TENANT, name=name)


def append(
    stream: str,
    version: int,
    *facts: Fact,
    causation_id: str | None = None,
    fingerprint: str | None = None,
    sealed: tuple[Sealed, ...] = (),
) -> Append:
    """An append of ``facts``, or of one that reserves nothing."""
    circumstances = context(causation_id)
    request = Request(causation_id=circumstances.causation_id, fingerprint=fingerprint) if fingerprint else None
    return Append(
        stream=StreamName(stream),
        version=version,
        facts=facts or (named(),),
        context=circumstances,
        request=request,
        sealed=sealed,
    )


def labelled(label: str) -> EnvironmentAdded:
    """Takes the host name ``label``."""
    plan = EnvironmentPlan(environment_id=EnvironmentId("e"), name="production", branch="main", label=label)
    return EnvironmentAdded(project_id=ProjectId("p"), environment=plan)


def relabelled(former: str, label: str) -> EnvironmentRelabelled:
    """Gives ``former`` back and takes ``label``."""
    return EnvironmentRelabelled(
        project_id=ProjectId("p"), environment_id=EnvironmentId("e"), label=label, former=former
    )


def connected(name: str) -> RepositoryConnected:
    """Takes the connection's name."""
    return RepositoryConnected(connection_id=ConnectionId("c"), name=name, url="https://git.example/a.git")


def disconnected(name: str) -> RepositoryDisconnected:
    """Gives the connection's name back."""
    return RepositoryDisconnected(connection_id=ConnectionId("c"), name=name)


def secret_set(name: str) -> SecretSet:
    """Takes the secret's name."""
    return SecretSet(secret_id=SecretId("s"), name=name, scope=SecretScope.WORKSPACE, fingerprint="f")


def secret_removed(name: str) -> SecretRemoved:
    """Gives back whatever the stream holds."""
    return SecretRemoved(secret_id=SecretId("s"), name=name)
