"""Secret variables by name and version; their values are the vault's alone."""

from collections.abc import Sequence
from datetime import datetime

from domain.history import Recorded
from domain.identifiers import EnvironmentId, ProjectId, SecretId, TenantId
from domain.secret import Event, SecretRemoved, SecretRotated, SecretScope, SecretSet
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import Page, Paging, Reader, Selection, every


class SecretRow(Row):
    """A secret. By ``fingerprint`` two versions can be told apart, and nothing be guessed; ``version`` is the value's,
    ``revision`` the stream's."""

    id: SecretId
    tenant_id: TenantId
    name: str
    scope: SecretScope
    project_id: ProjectId | None
    environment_id: EnvironmentId | None
    version: int
    fingerprint: str
    created_at: datetime
    updated_at: datetime
    updated_by: str
    revision: int


SECRETS = Table(
    "secrets",
    SecretRow,
    key=("id",),
    indexes=(
        ("tenant_id", "name"),
        ("tenant_id", "scope", "name"),
        ("tenant_id", "project_id", "name"),
        ("tenant_id", "environment_id", "name"),
    ),
)


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of secrets."""
    match recorded.fact:
        case SecretSet() as fact:
            return [Put(SECRETS, _set(fact, recorded))]
        case SecretRotated() as fact:
            return [_rotated(fact, recorded)]
        case SecretRemoved() as fact:
            return [Remove(SECRETS, fact.secret_id)]
        case _:
            return []


def _set(fact: SecretSet, recorded: Recorded) -> SecretRow:
    return SecretRow(
        id=fact.secret_id,
        tenant_id=recorded.context.tenant_id,
        name=fact.name,
        scope=fact.scope,
        project_id=fact.project_id,
        environment_id=fact.environment_id,
        version=fact.version,
        fingerprint=fact.fingerprint,
        created_at=recorded.context.at,
        updated_at=recorded.context.at,
        updated_by=recorded.context.actor.name,
        revision=recorded.version,
    )


def _rotated(fact: SecretRotated, recorded: Recorded) -> Patch:
    fields = {
        "version": fact.version,
        "fingerprint": fact.fingerprint,
        "updated_at": recorded.context.at,
        "updated_by": recorded.context.actor.name,
        "revision": recorded.version,
    }
    return Patch(SECRETS, fact.secret_id, fields)


MODEL = ReadModel("secrets", [SECRETS], project, Event)


async def find(reader: Reader, tenant: TenantId, secret_id: SecretId) -> SecretRow | None:
    """One secret."""
    return await reader.one(SECRETS, {"tenant_id": tenant, "id": secret_id})


async def listing(
    reader: Reader,
    tenant: TenantId,
    paging: Paging,
    *,
    scope: SecretScope | None = None,
    project_id: ProjectId | None = None,
    environment_id: EnvironmentId | None = None,
) -> Page[SecretRow]:
    """The workspace's secrets by name; of one scope, project or environment where given."""
    wanted = {"scope": scope, "project_id": project_id, "environment_id": environment_id}
    equal = {"tenant_id": tenant} | {column: value for column, value in wanted.items() if value}
    return await reader.select(SECRETS, Selection(equal=equal, order_by="name"), paging)


async def effective(
    reader: Reader, tenant: TenantId, project_id: ProjectId, environment_id: EnvironmentId
) -> list[SecretRow]:
    """What a release of this environment sees, by name: environment beats project beats workspace."""
    scopes: Sequence[dict[str, object]] = (
        {"scope": SecretScope.WORKSPACE},
        {"scope": SecretScope.PROJECT, "project_id": project_id},
        {"scope": SecretScope.ENVIRONMENT, "project_id": project_id, "environment_id": environment_id},
    )
    seen: dict[str, SecretRow] = {}
    for scope in scopes:
        rows = await every(reader, SECRETS, Selection(equal={"tenant_id": tenant, **scope}, order_by="name"))
        seen |= {row.name: row for row in rows}
    return sorted(seen.values(), key=lambda row: row.name)
