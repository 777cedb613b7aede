"""One leader at a time: a lock in Postgres that falls back when its holder's connection ends."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256

from psycopg import AsyncConnection, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.cancelling import heeded
from adapters.database import Database, unavailable

_WAIT_SECONDS = 30
_BOUNDS = (
    "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)
"""The server's bounds on waiting for others, and for a client that hangs or is gone with its lock."""


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
    """A connection of the caller's own in autocommit mode, whose waits are bounded. Raises ``Unavailable``."""
    given = conninfo_to_dict(database.conninfo).get("options") or ""
    conninfo = make_conninfo(database.conninfo, options=f"{given} {_BOUNDS}".strip())
    with unavailable():
        async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
            yield connection


async def take(connection: AsyncConnection, office: str, within: float = _WAIT_SECONDS) -> bool:
    """Whether the office falls to the connection within so many seconds; it holds it until it ends."""
    try:
        with heeded():
            async with connection.transaction():
                await connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{round(within * 1000)}ms"])
                await connection.execute("SELECT pg_advisory_lock(%s)", [_key(office)])
    except errors.LockNotAvailable:
        return False
    return True


async def release(connection: AsyncConnection, office: str) -> None:
    """Give up an office that the connection holds."""
    await connection.execute("SELECT pg_advisory_unlock(%s)", [_key(office)])


def office_of_growth(model: str) -> str:
    """The office of whoever grows a read model."""
    return f"growth of {model}"


async def held(connection: AsyncConnection, offices: Sequence[str]) -> set[str]:
    """Those of the offices that somebody holds."""
    cursor = await connection.execute(
        "SELECT (classid::int8 << 32) | objid::int8 FROM pg_locks"
        " WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    keys = {key for (key,) in await cursor.fetchall()}
    return {office for office in offices if _key(office) in keys}


def _key(office: str) -> int:
    return int.from_bytes(sha256(f"shipbook {office}".encode()).digest()[:8], "big", signed=True)
