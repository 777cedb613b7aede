"""Connecting a repository, with its credential sealed beside the fact."""

from commands.handling import Caused, Handler
from commands.ports import Request, SecretValue, Vault
from commands.repository import ConnectRepository
from domain.history import Context
from domain.identifiers import ConnectionId, SecretId


async def connect_repository(
    handler: Handler,
    vault: Vault,
    context: Context,
    *,
    connection_id: ConnectionId,
    name: str,
    url: str,
    credential: SecretValue | None = None,
    request: Request | None = None,
) -> Caused:
    """Connect a repository. The credential is kept as version 1 of a secret that has the connection's own id."""
    command = ConnectRepository(
        connection_id=connection_id,
        name=name,
        url=url,
        credential=SecretId(connection_id) if credential else None,
    )
    sealed = [await vault.seal(context.tenant_id, connection_id, 1, credential)] if credential else []
    return await handler.handle(command, context, sealed=sealed, request=request)
