"""A role and a database of its own in the one PostgreSQL server that this machine's shared databases have in common."""

import asyncio
from pathlib import Path

from msgspec.structs import replace
from psycopg import sql

from adapters.databases import postgres_admin
from adapters.databases.engine import EngineFailed, Measurement, Order
from adapters.databases.postgres import Postgres
from adapters.databases.scram import verifier
from adapters.databases.servers import Servers

SERVER = "shared-postgres"
MEMORY_MB = 1024
MOST_CONNECTIONS = 20
"""Of one database: the server's are for all."""
CLOSED = ["REVOKE ALL ON DATABASE postgres FROM PUBLIC", "REVOKE ALL ON DATABASE template1 FROM PUBLIC"]


class SharedPostgres:
    """The engine: databases of all workspaces in one server, which is none of the control plane's."""

    def __init__(self, servers: Servers, postgres: Postgres) -> None:
        self._servers = servers
        self._postgres = postgres
        self._alone = asyncio.Lock()

    async def start(self, order: Order) -> None:
        """Start the server where it does not run, make the role and the database where there are none, open them."""
        async with self._alone:
            await self._serve(order)
            await self._open(order)

    async def runs(self, order: Order) -> bool:
        """Whether the server's process lives."""
        return await self._servers.runs(_server(order))

    async def stop(self, order: Order) -> None:
        """Let nobody in any more, and send away who is."""
        if not await self.runs(order):
            return
        async with postgres_admin.connected(self._postgres.door(order)) as connection:
            await connection.execute(sql.SQL("ALTER ROLE {user} NOLOGIN").format(**_names(order)))
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [order.user]
            )

    async def remove(self, order: Order) -> None:
        """Drop the database and its role; the server runs only as long as there is another one."""
        if not self._servers.files(SERVER).exists():
            return
        door = self._postgres.door(order)
        async with self._alone:
            await self._serve(order)
            await postgres_admin.drop(door, order.database)
            await postgres_admin.run(door, [sql.SQL("DROP ROLE IF EXISTS {user}").format(**_names(order))])
            if not await postgres_admin.has_customers(door):
                await self._servers.stop(_server(order))

    async def measure(self, order: Order) -> Measurement:
        """Its size, and who is connected."""
        return await self._postgres.measure(order)

    async def dump(self, order: Order, into: Path) -> Path:
        """As from a server of its own: the role reads what is its own."""
        return await self._postgres.dump(order, into)

    async def restore(self, order: Order, file: Path, mark: str) -> None:
        """As into a server of its own."""
        await self._postgres.restore(order, file, mark)

    async def found(self, order: Order) -> str:
        """How many tables and rows there are."""
        return await self._postgres.found(order)

    async def _open(self, order: Order) -> None:
        door, names = self._postgres.door(order), _names(order)
        async with postgres_admin.connected(door) as connection:
            query = "SELECT datname FROM pg_database WHERE datname = %s"
            known = await (await connection.execute(query, [order.database])).fetchone()
            if known is None and order.existed:
                raise EngineFailed("The shared server does not hold the database any more. Restore a backup elsewhere.")
            query = "SELECT rolname FROM pg_roles WHERE rolname = %s"
            if await (await connection.execute(query, [order.user])).fetchone() is None:
                make = "CREATE ROLE {user} LOGIN CONNECTION LIMIT {most} PASSWORD {password}"
                password = sql.Literal(verifier(order.password))
                await connection.execute(
                    sql.SQL(make).format(**names, most=sql.Literal(MOST_CONNECTIONS), password=password)
                )
            if known is None:
                await connection.execute(sql.SQL("CREATE DATABASE {database} OWNER {user}").format(**names))
            await connection.execute(sql.SQL("REVOKE ALL ON DATABASE {database} FROM PUBLIC").format(**names))
            await connection.execute(sql.SQL("ALTER ROLE {user} LOGIN").format(**names))

    async def _serve(self, order: Order) -> None:
        server = _server(order)
        existed = (self._servers.files(SERVER) / "data").exists()
        await self._postgres.serve(replace(server, existed=existed), CLOSED)


def _server(order: Order) -> Order:
    """The server that the database is in: it listens where the database does."""
    return replace(order, id=SERVER, memory_mb=MEMORY_MB)


def _names(order: Order) -> dict[str, sql.Composable]:
    return {"user": sql.Identifier(order.user), "database": sql.Identifier(order.database)}
