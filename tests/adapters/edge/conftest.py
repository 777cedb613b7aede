"""One real Caddy with the constant configuration."""

from collections.abc import Iterator
from shutil import rmtree

import pytest

from adapters.settings import Address, Settings, private_directory
from services.embedded import caddy
from services.ports import kept_port
from services.programs import running
from tests.adapters.edge.running import Edge, addresses_told


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """One Caddy for all tests; each test uses hosts of its own."""
    directory = tmp_path_factory.mktemp("edge")
    # A data directory whose name starts with a dot is the default, and must not count as a hidden file.
    settings = Settings(
        data_dir=private_directory(directory / ".shipbook"),
        edge=Address("127.0.0.1", kept_port(directory / "edge.port")),
    )
    try:
        with running(caddy(settings), directory / "caddy.log"), addresses_told(settings):
            yield Edge(settings)
    finally:
        rmtree(settings.sockets_dir, ignore_errors=True)  # which may lie outside the temporary directory
