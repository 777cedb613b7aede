"""A plane that tells its channels of events, also on loopback."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.notifications.deliveries import Deliveries
from services.courier import Courier
from services.notifier import Notifier
from tests.dialects.plane import Caller, Plane, running
from tests.notifications.receiving import Receiver, receiving


@pytest.fixture(scope="session")
def plane(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A running plane with a notifier and a courier."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE notifications")
    url = make_conninfo(**{**conninfo_to_dict(postgres_url), "dbname": "notifications"})
    directory = tmp_path_factory.mktemp("plane")
    with running(url, directory, allow_private_networks=True) as plane, plane.meanwhile(notifying(plane)):
        yield plane


async def notifying(plane: Plane) -> None:
    """Tell the channels of events until cancelled."""
    deliveries = Deliveries(plane.core.database)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(Notifier(plane.core, deliveries).run())
        tasks.create_task(Courier(plane.core, deliveries, first_wait=0.1, idle=0.1).run())


@pytest.fixture(autouse=True)
def _closed_clients(plane: Plane) -> Iterator[None]:
    yield
    plane.close_clients()


@pytest.fixture
def insider(plane: Plane) -> Caller:
    """Somebody with a workspace of her own."""
    return Caller(plane)


@pytest.fixture
def outsider(plane: Plane) -> Caller:
    """Somebody else, with another workspace."""
    return Caller(plane)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiving() as receiver:
        yield receiver
