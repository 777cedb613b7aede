"""A connected repository as git is handed it: where it is, what it is read with, and what the operator allows."""

import msgspec

from adapters.git_setup import Credential
from adapters.repository_url import FetchPolicy
from adapters.settings import Settings
from commands import repository
from commands.handling import Handler
from commands.ports import SecretValue, Vault
from commands.repository import require_connected
from domain.identifiers import ConnectionId, TenantId


async def connected(
    handler: Handler, vault: Vault, tenant_id: TenantId, connection_id: ConnectionId
) -> tuple[str, SecretValue | None]:
    """The address of a connection's repository, and its sealed credential.

    Raises:
        NotFound: There is no such connection, or no more.
    """
    connection = await handler.state(repository.DECIDER, connection_id, tenant_id)
    require_connected(connection)
    return connection.url, await vault.open(tenant_id, connection.credential, 1) if connection.credential else None


def encoded(credential: Credential) -> SecretValue:
    """A credential as the vault keeps it."""
    return SecretValue(msgspec.json.encode(credential).decode())


def decoded(value: SecretValue) -> Credential:
    """A credential from what the vault kept."""
    return msgspec.json.decode(value.reveal, type=Credential)


def policy(settings: Settings) -> FetchPolicy:
    """Which repositories the operator allows."""
    return FetchPolicy(allow_local=settings.allow_local_repositories, allow_private=settings.allow_private_networks)
