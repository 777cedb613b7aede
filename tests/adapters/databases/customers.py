"""Who uses a database: an ordinary client with the database's own password."""

from dataclasses import dataclass
from typing import Protocol

import psycopg
from msgspec.structs import replace
from psycopg import AsyncConnection, sql
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from adapters.databases import postgres_admin
from adapters.databases.engine import HOST, Engine, EngineFailed, Order
from adapters.databases.places import this_machine
from adapters.databases.ports import free_port
from adapters.databases.postgres_admin import Door
from adapters.databases.servers import Servers
from commands.ports import SecretValue

PASSWORD = SecretValue("tests-and-nobody-else")
AWAY = (psycopg.Error, ValkeyError, OSError, EngineFailed)


class Customer(Protocol):
    """What a customer does."""

    async def write(self, order: Order, things: int) -> None:
        """Add so many things to what there is."""
        ...

    async def count(self, order: Order) -> int:
        """How many things there are."""
        ...

    async def pry(self, order: Order) -> None:
        """Try what only the plane may do; raises what the server says."""
        ...

    async def leave_half_restored(self, case: "Case") -> None:
        """Leave what a restore that was cut off just before its end leaves."""
        ...


class PostgresCustomer:
    """With psycopg."""

    async def write(self, order: Order, things: int) -> None:
        async with await _connection(order) as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS things (name text)")
            await connection.execute("INSERT INTO things SELECT 'a thing' FROM generate_series(1, %s)", [things])

    async def count(self, order: Order) -> int:
        async with await _connection(order) as connection:
            row = await (await connection.execute("SELECT count(*) FROM things")).fetchone()
            return row[0] if row else 0

    async def pry(self, order: Order) -> None:
        async with await _connection(order) as connection:
            await connection.execute("SELECT pg_read_file('/etc/passwd')")

    async def leave_half_restored(self, case: "Case") -> None:
        door = Door(port=case.order.port, password=this_machine(case.servers.places).secret)
        await postgres_admin.make_beside(door, case.order.database, case.order.user)
        closed = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(case.order.database))
        await postgres_admin.run(door, [closed])


class RedisCustomer:
    """With Valkey's client."""

    async def write(self, order: Order, things: int) -> None:
        client = _client(order)
        try:
            for _ in range(things):
                await client.lpush("things", "a thing")
        finally:
            await client.aclose()

    async def count(self, order: Order) -> int:
        client = _client(order)
        try:
            return int(await client.llen("things"))
        finally:
            await client.aclose()

    async def pry(self, order: Order) -> None:
        client = _client(order)
        try:
            await client.config_set("dir", "/")
        finally:
            await client.aclose()

    async def leave_half_restored(self, case: "Case") -> None:
        await case.engine.stop(case.order)
        home = case.servers.files(case.order.id)
        home.rename(home.with_name(f"{home.name}.former"))
        await case.engine.start(replace(case.order, existed=True))


@dataclass
class Case:
    """An engine with one database and its customer; ``server`` is the name of the process that it is in."""

    servers: Servers
    engine: Engine
    order: Order
    customer: Customer
    server: str


def ordered(identity: str, database: str, user: str | None = None) -> Order:
    """A database that nobody misses after a crash."""
    return Order(
        id=identity,
        database=database,
        user=user or database,
        password=PASSWORD,
        port=free_port(),
        memory_mb=256,
        scratch=True,
    )


async def _connection(order: Order) -> AsyncConnection:
    return await AsyncConnection.connect(
        host=HOST,
        port=order.port,
        user=order.user,
        password=order.password.reveal,
        dbname=order.database,
        connect_timeout=5,
    )


def _client(order: Order) -> Valkey:
    return Valkey(host=HOST, port=order.port, username=order.user, password=order.password.reveal)
