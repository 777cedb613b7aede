"""Connections to repositories, without their credentials."""

from collections.abc import Sequence
from datetime import datetime

from domain.history import Recorded
from domain.identifiers import ConnectionId, SecretId, TenantId
from domain.repository import Event, RepositoryConnected, RepositoryDisconnected
from projections.changes import Change, Patch, Put, ReadModel, Row, Table
from projections.reading import Page, Paging, Reader, Selection


class ConnectionRow(Row, kw_only=True):
    """A connection. ``credential_id`` names what the vault keeps; one that was taken away is not ``connected``."""

    id: ConnectionId
    tenant_id: TenantId
    name: str
    url: str
    credential_id: SecretId | None
    connected: bool = True
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def has_credential(self) -> bool:
        """Whether the repository is read with a user and token, or a key."""
        return self.credential_id is not None


CONNECTIONS = Table("connections", ConnectionRow, key=("id",), indexes=(("tenant_id", "connected", "name"),))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of connections."""
    match recorded.fact:
        case RepositoryConnected() as fact:
            return [Put(CONNECTIONS, _connected(fact, recorded))]
        case RepositoryDisconnected() as fact:
            fields = {"connected": False, "updated_at": recorded.context.at, "version": recorded.version}
            return [Patch(CONNECTIONS, fact.connection_id, fields)]
        case _:
            return []


def _connected(fact: RepositoryConnected, recorded: Recorded) -> ConnectionRow:
    return ConnectionRow(
        id=fact.connection_id,
        tenant_id=recorded.context.tenant_id,
        name=fact.name,
        url=fact.url,
        credential_id=fact.credential,
        created_at=recorded.context.at,
        updated_at=recorded.context.at,
        version=recorded.version,
    )


MODEL = ReadModel("repositories", [CONNECTIONS], project, Event)


async def find(reader: Reader, tenant: TenantId, connection_id: ConnectionId) -> ConnectionRow | None:
    """One connection, even if it was taken away."""
    return await reader.one(CONNECTIONS, {"tenant_id": tenant, "id": connection_id})


async def listing(reader: Reader, tenant: TenantId, paging: Paging) -> Page[ConnectionRow]:
    """The workspace's connections by name, without those that were taken away."""
    equal = {"tenant_id": tenant, "connected": True}
    return await reader.select(CONNECTIONS, Selection(equal=equal, order_by="name"), paging)
