"""A connection to a repository."""

from typing import Any

import pytest
from msgspec.structs import replace

from commands.repository import DECIDER, ConnectRepository, DisconnectRepository
from domain.identifiers import ConnectionId, SecretId
from domain.rejection import Invalid, NotFound
from domain.repository import RepositoryConnected, RepositoryDisconnected
from tests.commands.specification import specification

given = specification(DECIDER)

ID = ConnectionId("connection")
CONNECT = ConnectRepository(connection_id=ID, name="shop", url="https://example.com/shop.git", credential=SecretId(ID))
CONNECTED = RepositoryConnected(
    connection_id=ID, name="shop", url="https://example.com/shop.git", credential=SecretId(ID)
)
DISCONNECT = DisconnectRepository(connection_id=ID)
DISCONNECTED = RepositoryDisconnected(connection_id=ID, name="shop")


def test_a_repository_is_connected_and_disconnected() -> None:
    given().when(CONNECT).then(CONNECTED)
    given(CONNECTED).when(DISCONNECT).then(DISCONNECTED)


def test_a_repository_is_connected_once() -> None:
    given(CONNECTED).when(CONNECT).then_nothing()
    given(CONNECTED, DISCONNECTED).when(CONNECT).then_nothing()


def test_what_is_not_connected_cannot_be_disconnected() -> None:
    given().when(DISCONNECT).then_refused(NotFound)
    given(CONNECTED, DISCONNECTED).when(DISCONNECT).then_refused(NotFound)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "x" * 101}),
        ("url", {"url": ""}),
        ("url", {"url": "https://example.com/" + "x" * 2000}),
        ("url", {"url": "https://example.com/\nx"}),
    ],
)
def test_a_connection_is_refused_where_a_field_is_out_of_bounds(field: str, change: dict[str, Any]) -> None:
    given().when(replace(CONNECT, **change)).then_refused(Invalid, field=field)
