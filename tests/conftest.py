"""A PostgreSQL for each test process, and an empty database for each test."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.embedded import postgres_running

_numbers = count(1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of this test process."""
    with postgres_running(tmp_path_factory.mktemp("pg")) as url:
        yield url


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A database that nothing is in yet."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield make_conninfo(**{**conninfo_to_dict(postgres_url), "dbname": name})
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
