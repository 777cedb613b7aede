"""The engines of managed databases, with real servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.databases.places import Places, this_machine
from adapters.databases.postgres import Postgres
from adapters.databases.redis import Redis
from adapters.databases.servers import Servers
from adapters.databases.shared_postgres import SERVER, SharedPostgres
from adapters.runtime.sandbox import remove_tree
from tests.adapters.databases.customers import Case, PostgresCustomer, RedisCustomer, ordered


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """No server runs yet, and none afterwards."""
    servers = Servers(Places(tmp_path))
    this_machine(servers.places)
    yield servers
    for instance in await servers.runtime.instances():
        await servers.runtime.remove(instance.instance_id)
    remove_tree(tmp_path)


@pytest.fixture(params=["postgres", "shared", "redis"])
def case(request: pytest.FixtureRequest, servers: Servers) -> Case:
    """An engine, a database to be made, and who uses it."""
    machine = this_machine(servers.places)
    postgres = Postgres(servers, machine)
    match request.param:
        case "postgres":
            return Case(servers, postgres, ordered("database-1", "shop"), PostgresCustomer(), "database-1")
        case "shared":
            return Case(
                servers, SharedPostgres(servers, postgres), ordered("database-2", "db_2"), PostgresCustomer(), SERVER
            )
        case _:
            return Case(
                servers, Redis(servers, machine), ordered("database-3", "0", "default"), RedisCustomer(), "database-3"
            )
