"""One plane for all tests of a test process; each test has callers of its own."""

from collections.abc import Callable, Iterator
from itertools import count

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.dialects.plane import Caller, Plane, running

_numbers = count(1)


@pytest.fixture(scope="session")
def plane(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A running plane."""
    name = f"plane_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = make_conninfo(**{**conninfo_to_dict(postgres_url), "dbname": name})
    with running(url, tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture(autouse=True)
def _closed_clients(plane: Plane) -> Iterator[None]:
    yield
    plane.close_clients()


@pytest.fixture
def register(plane: Plane) -> Callable[[], Caller]:
    """Makes somebody new."""
    return lambda: Caller(plane)


@pytest.fixture
def insider(plane: Plane) -> Caller:
    """Somebody with a workspace of her own."""
    return Caller(plane)


@pytest.fixture
def outsider(plane: Plane) -> Caller:
    """Somebody else, with another workspace."""
    return Caller(plane)
