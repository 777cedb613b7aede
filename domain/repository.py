"""A connection to a git repository: where it is, and with which sealed credential it is read."""

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import ConnectionId, SecretId


class RepositoryConnected(Fact, tag="repository.connected"):
    """A repository may be built from. ``credential`` names the sealed user and token, or key."""

    connection_id: ConnectionId
    name: str
    url: str
    credential: SecretId | None = None


class RepositoryDisconnected(Fact, tag="repository.disconnected"):
    """The connection was taken away; releases made from it stay."""

    connection_id: ConnectionId
    name: str


Event = RepositoryConnected | RepositoryDisconnected


class Repository(Value):
    """What later decisions need of a connection."""

    connection_id: ConnectionId = ConnectionId("")
    name: str = ""
    url: str = ""
    credential: SecretId | None = None
    connected: bool = False


def evolve(state: Repository, fact: Event) -> Repository:
    """The connection after ``fact``."""
    match fact:
        case RepositoryConnected():
            return Repository(
                connection_id=fact.connection_id,
                name=fact.name,
                url=fact.url,
                credential=fact.credential,
                connected=True,
            )
        case RepositoryDisconnected():
            return replace(state, connected=False)
