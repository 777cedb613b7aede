"""What a PostgreSQL server of ours is asked by its superuser, over the loopback address."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import psycopg
from psycopg import AsyncConnection, sql

from adapters.databases.engine import HOST, EngineFailed, Measurement
from commands.ports import SecretValue

ADMIN = "shipbook"
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60
FRESH = "shipbook_restoring"
FORMER = "shipbook_former"
"""A database while it takes, and loses, another one's place; the end of a name is the server's to cut."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where the superuser comes in."""

    port: int
    password: SecretValue


@asynccontextmanager
async def connected(door: Door, database: str = "postgres") -> AsyncIterator[AsyncConnection]:
    """A connection of the superuser, each statement its own transaction. Raises ``EngineFailed``."""
    try:
        async with await AsyncConnection.connect(
            host=HOST,
            port=door.port,
            user=ADMIN,
            password=door.password.reveal,
            dbname=database,
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_SECONDS}s",
            autocommit=True,
        ) as connection:
            yield connection
    except psycopg.Error as problem:
        first = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise EngineFailed(f"The server does not do it: {first}") from problem


async def answers(door: Door) -> bool:
    """Whether the server takes us in: another one at its port would not know the password."""
    try:
        async with connected(door):
            return True
    except EngineFailed:
        return False


async def run(door: Door, statements: Sequence[sql.Composed], database: str = "postgres") -> None:
    """Carry out statements, one after the other."""
    async with connected(door, database) as connection:
        for statement in statements:
            await connection.execute(statement)


async def has_customers(door: Door) -> bool:
    """Whether there is any database beside those that PostgreSQL makes itself."""
    query = "SELECT 1 FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"
    async with connected(door) as connection:
        return await (await connection.execute(query)).fetchone() is not None


async def measure(door: Door, database: str) -> Measurement:
    """A database's size, and its connections."""
    query = (
        "SELECT pg_database_size(oid), (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid)"
        " FROM pg_database d WHERE datname = %s"
    )
    async with connected(door) as connection:
        row = await (await connection.execute(query, [database])).fetchone()
    if row is None:
        raise EngineFailed("The server has no such database.")
    return Measurement(size_bytes=row[0], connections=row[1])


async def is_marked(door: Door, database: str, mark: str) -> bool:
    """Whether the database is the one that the restore ``mark`` has put in its place."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    async with connected(door) as connection:
        return await (await connection.execute(query, [database])).fetchone() == (mark,)


async def make_beside(door: Door, database: str, owner: str) -> str:
    """An empty database of the same owner, whose name is returned; one that was left half done goes before."""
    fresh = _beside(database, FRESH)
    names = {"old": sql.Identifier(database), "fresh": sql.Identifier(fresh), "owner": sql.Identifier(owner)}
    await run(
        door,
        [
            sql.SQL("ALTER DATABASE {old} ALLOW_CONNECTIONS true").format(**names),
            sql.SQL("DROP DATABASE IF EXISTS {fresh} WITH (FORCE)").format(**names),
            sql.SQL("CREATE DATABASE {fresh} OWNER {owner} TEMPLATE template0").format(**names),
            sql.SQL("REVOKE ALL ON DATABASE {fresh} FROM PUBLIC").format(**names),
        ],
    )
    return fresh


async def drop(door: Door, database: str) -> None:
    """Drop what is beside the database, and then the database; those that are not there are no error."""
    await drop_beside(door, database)
    await run(door, [sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))])


async def drop_beside(door: Door, database: str) -> None:
    """Drop what a restore has left beside the database."""
    beside = [sql.Identifier(_beside(database, what)) for what in (FRESH, FORMER)]
    await run(door, [sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name) for name in beside])


async def change_places(door: Door, database: str, fresh: str, mark: str) -> None:
    """Let ``fresh`` be ``database``, in one transaction; the former one goes, and with it who was connected."""
    former = _beside(database, FORMER)
    names = {"old": sql.Identifier(database), "fresh": sql.Identifier(fresh), "former": sql.Identifier(former)}
    async with connected(door) as connection:
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {former} WITH (FORCE)").format(**names))
        comment = sql.SQL("COMMENT ON DATABASE {fresh} IS {mark}")
        await connection.execute(comment.format(**names, mark=sql.Literal(mark)))
        await connection.execute(sql.SQL("ALTER DATABASE {old} ALLOW_CONNECTIONS false").format(**names))
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ANY(%s)",
                [[database, fresh]],
            )
            async with connection.transaction():
                await connection.execute(sql.SQL("ALTER DATABASE {old} RENAME TO {former}").format(**names))
                await connection.execute(sql.SQL("ALTER DATABASE {fresh} RENAME TO {old}").format(**names))
        except psycopg.Error:
            await connection.execute(sql.SQL("ALTER DATABASE {old} ALLOW_CONNECTIONS true").format(**names))
            raise
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {former} WITH (FORCE)").format(**names))


async def found(door: Door, database: str) -> str:
    """How many tables there are, and how many rows they have in all."""
    tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    async with connected(door, database) as connection:
        names = await (await connection.execute(tables)).fetchall()
        rows = 0
        for schema, table in names:
            query = sql.SQL("SELECT count(*) FROM {}.{}").format(sql.Identifier(schema), sql.Identifier(table))
            counted = await (await connection.execute(query)).fetchone()
            rows += counted[0] if counted else 0
    return f"{len(names)} table{'' if len(names) == 1 else 's'} and {rows} row{'' if rows == 1 else 's'}"


def _beside(database: str, what: str) -> str:
    """A name that no customer's database has, of at most the 63 bytes of PostgreSQL's names."""
    return f"{database[:40]}_{what}"
