"""A NATS server for each test, and this process's connection to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.nats.connecting import Connection
from tests.adapters.nats.servers import NatsServer


@pytest.fixture
def absent_nats(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that nobody has started."""
    server = NatsServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def nats(absent_nats: NatsServer) -> NatsServer:
    absent_nats.start()
    return absent_nats


@pytest.fixture
async def connection(nats: NatsServer) -> AsyncIterator[Connection]:
    async with Connection(nats.locate, name="test") as connection:
        yield connection
