"""Connections to repositories."""

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import asking, words
from adapters.http.native.wire.repositories import ConnectionCreation, ConnectionOut
from adapters.http.paging import Asked, Listing
from commands import connecting
from commands.repository import DisconnectRepository
from domain.access import Access
from domain.identifiers import ConnectionId
from projections import repositories

CONNECTIONS = "/tenants/{tenant_id:str}/repository-connections"


@get(CONNECTIONS)
async def list_connections(call: NamedDependency[Call], asked: NamedDependency[Asked]) -> Listing[ConnectionOut]:
    """List connected repositories."""
    return call.listed(
        await repositories.listing(call.reader, call.tenant, asked.paging), asked, words.repositories.connection
    )


@post(CONNECTIONS, opt={NEEDS: Access.DEVELOP})
async def connect_repository(data: JSONBody[ConnectionCreation], call: NamedDependency[Call]) -> Answer[ConnectionOut]:
    """Connect a repository.

    Its credential is sealed, and never shown.
    """
    connection_id = ConnectionId(call.new("connection"))
    await call.perform(
        connecting.connect_repository(
            call.handler,
            call.parts.vault,
            call.context,
            connection_id=connection_id,
            name=asking.connection_name(data),
            url=asking.allowed_url(data.url, call.parts.settings),
            credential=asking.credential(data.credential),
            request=call.request,
        )
    )
    row = existing(await repositories.find(call.reader, call.tenant, connection_id), "repository connection")
    return call.shown(row.version, words.repositories.connection(row), status=201)


@delete(CONNECTIONS + "/{connection_id:str}", opt={NEEDS: Access.DEVELOP})
async def disconnect_repository(connection_id: FromPath[ConnectionId], call: NamedDependency[Call]) -> None:
    """Take a connection away.

    Releases made from it stay; its projects cannot be deployed any more.
    """
    await call.perform(
        call.handler.handle(DisconnectRepository(connection_id=connection_id), call.context, request=call.request)
    )


ROUTES = [list_connections, connect_repository, disconnect_repository]
