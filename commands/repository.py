"""Connections to repositories: what may be asked."""

from collections.abc import Sequence

from commands.checks import check, name
from commands.command import Command
from commands.decider import Decider
from domain.identifiers import ConnectionId, SecretId
from domain.rejection import NotFound
from domain.repository import Event, Repository, RepositoryConnected, RepositoryDisconnected, evolve


class ConnectRepository(Command):
    """Let projects be built from a repository. Whether its address is allowed was checked by the git adapter."""

    connection_id: ConnectionId
    name: str
    url: str
    credential: SecretId | None = None


class DisconnectRepository(Command):
    """Take a connection away."""

    connection_id: ConnectionId


RepositoryCommand = ConnectRepository | DisconnectRepository


def decide(command: RepositoryCommand, state: Repository) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case ConnectRepository():
            return _connect(command, state)
        case DisconnectRepository():
            require_connected(state)
            return [RepositoryDisconnected(connection_id=command.connection_id, name=state.name)]


def _connect(command: ConnectRepository, state: Repository) -> Sequence[Event]:
    if state.connection_id:
        return []
    check([("name", name(command.name)), ("url", name(command.url, 2000))])
    return [
        RepositoryConnected(
            connection_id=command.connection_id, name=command.name, url=command.url, credential=command.credential
        )
    ]


def require_connected(state: Repository) -> None:
    """Refuse where the connection never was, or was taken away."""
    if not state.connected:
        raise NotFound("There is no such repository connection.")


DECIDER = Decider(category="repository", initial=Repository(), decide=decide, evolve=evolve)
