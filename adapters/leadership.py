"""One leader at a time: a lock in Postgres that falls back when its holder's connection ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

from psycopg import AsyncConnection, errors

from adapters.database import Database, unavailable

_WAIT_SECONDS = 30


@asynccontextmanager
async def leading(database: Database, office: str) -> AsyncIterator[AsyncConnection]:
    """Wait until nobody else holds the office; yields the connection that holds it.

    Work done over this very connection is done by the leader or not at all. Raises ``Unavailable``.
    """
    async with connected(database) as connection:
        while not await take(connection, office):
            pass
        yield connection


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection of the caller's own in autocommit mode; the server, too, gives up on a client that is gone."""
    with unavailable():
        async with await AsyncConnection.connect(database.conninfo, autocommit=True) as connection:
            await connection.execute("SET tcp_keepalives_idle TO 10")
            await connection.execute("SET tcp_keepalives_interval TO 5")
            await connection.execute("SET tcp_keepalives_count TO 3")
            yield connection


async def take(connection: AsyncConnection, office: str, within: float = _WAIT_SECONDS) -> bool:
    """Whether the office falls to the connection within so many seconds; it holds it until it ends."""
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{round(within * 1000)}ms"])
            await connection.execute("SELECT pg_advisory_lock(%s)", [_key(office)])
    except errors.LockNotAvailable:
        return False
    return True


def _key(office: str) -> int:
    return int.from_bytes(sha256(f"shipbook {office}".encode()).digest()[:8], "big", signed=True)
