"""Secret variables by name and version; their values are the vault's alone."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from domain.fact import Value
from domain.history import Recorded
from domain.identifiers import EnvironmentId, ProjectId, SecretId, TenantId
from domain.secret import Event, SecretRemoved, SecretRotated, SecretScope, SecretSet, SecretValuesDeleted
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import LARGEST_PAGE, Page, Paging, Reader, Selection, every


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


class SecretVersionRow(Row):
    """One of a secret's values, and who gave it."""

    secret_id: SecretId
    version: int
    tenant_id: TenantId
    fingerprint: str
    created_at: datetime
    created_by: str


VERSIONS = Table("versions", SecretVersionRow, key=("secret_id", "version"), indexes=(("tenant_id", "secret_id"),))


class RemovedSecretRow(Row):
    """A secret that was removed, and of which some values are kept."""

    id: SecretId
    tenant_id: TenantId
    name: str
    removed_at: datetime


REMOVED = Table("removed", RemovedSecretRow, key=("id",), indexes=(("removed_at",),))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of secrets."""
    match recorded.fact:
        case SecretSet() as fact:
            return [Put(SECRETS, _set(fact, recorded)), _version(fact, recorded)]
        case SecretRotated() as fact:
            return [_rotated(fact, recorded), _version(fact, recorded)]
        case SecretRemoved() as fact:
            return [Remove(SECRETS, fact.secret_id), Put(REMOVED, _removed(fact, recorded))]
        case SecretValuesDeleted(kept=0) as fact:
            return [Remove(REMOVED, fact.secret_id)]
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


def _version(fact: SecretSet | SecretRotated, recorded: Recorded) -> Put:
    row = SecretVersionRow(
        secret_id=fact.secret_id,
        version=fact.version,
        tenant_id=recorded.context.tenant_id,
        fingerprint=fact.fingerprint,
        created_at=recorded.context.at,
        created_by=recorded.context.actor.name,
    )
    return Put(VERSIONS, row)


def _removed(fact: SecretRemoved, recorded: Recorded) -> RemovedSecretRow:
    context = recorded.context
    return RemovedSecretRow(id=fact.secret_id, tenant_id=context.tenant_id, name=fact.name, removed_at=context.at)


MODEL = ReadModel("secrets", [SECRETS, VERSIONS, REMOVED], project, Event)


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


async def versions(reader: Reader, tenant: TenantId, secret_id: SecretId) -> Sequence[SecretVersionRow]:
    """A secret's values, the newest first; at most ``LARGEST_PAGE`` of them."""
    selection = Selection(equal={"tenant_id": tenant, "secret_id": secret_id}, order_by="version", descending=True)
    return (await reader.select(VERSIONS, selection, Paging(size=LARGEST_PAGE))).rows


class Effective(Value):
    """A secret as a place sees it, and those of the same name that it hides there, the nearest scope first."""

    row: SecretRow
    hides: tuple[SecretRow, ...] = ()


async def effective(
    reader: Reader, tenant: TenantId, project_id: ProjectId | None, environment_id: EnvironmentId | None
) -> list[SecretRow]:
    """What a release of this environment sees, by name: environment beats project beats workspace."""
    return [one.row for one in await layered(reader, tenant, project_id, environment_id)]


async def layered(
    reader: Reader, tenant: TenantId, project_id: ProjectId | None, environment_id: EnvironmentId | None
) -> list[Effective]:
    """What is seen in an environment, by name, with what it hides.

    Without an environment what every one of the project sees, and without a project what the whole workspace does.
    """
    seen: dict[str, Effective] = {}
    for place in _places(project_id, environment_id):
        for row in await every(reader, SECRETS, Selection(equal={"tenant_id": tenant, **place}, order_by="name")):
            wider = seen.get(row.name)
            seen[row.name] = Effective(row=row, hides=(wider.row, *wider.hides) if wider else ())
    return sorted(seen.values(), key=lambda one: one.row.name)


def _places(project_id: ProjectId | None, environment_id: EnvironmentId | None) -> Iterator[dict[str, object]]:
    yield {"scope": SecretScope.WORKSPACE}
    if project_id:
        yield {"scope": SecretScope.PROJECT, "project_id": project_id}
    if project_id and environment_id:
        yield {"scope": SecretScope.ENVIRONMENT, "project_id": project_id, "environment_id": environment_id}


async def at(
    reader: Reader, tenant: TenantId, project_id: ProjectId | None, environment_id: EnvironmentId | None
) -> list[SecretRow]:
    """The secrets of exactly this place, by name."""
    *_, narrowest = _places(project_id, environment_id)
    return await every(reader, SECRETS, Selection(equal={"tenant_id": tenant, **narrowest}, order_by="name"))


async def removed_before(reader: Reader, moment: datetime, paging: Paging) -> Page[RemovedSecretRow]:
    """Removed secrets of which values are kept, those that were removed first."""
    page = await reader.select(REMOVED, Selection(order_by="removed_at"), paging)
    due = [row for row in page.rows if row.removed_at < moment]
    return Page(rows=due, following=page.following if len(due) == len(page.rows) else None)
