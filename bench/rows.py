"""Plain psycopg, which the log is compared with: one INSERT a COMMIT, and COPY of one row a line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import perf_counter

from psycopg import AsyncConnection

Row = tuple[str, int, str, bytes]
"""stream, version, tag, state."""

_TABLES = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE IF NOT EXISTS bench.events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    tag text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    UNIQUE (stream, version)
);
CREATE TABLE IF NOT EXISTS bench.lines (
    log_id text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    stream text NOT NULL,
    line text NOT NULL
);
"""


@asynccontextmanager
async def connected(url: str, count: int) -> AsyncIterator[list[AsyncConnection]]:
    """So many connections in autocommit mode; the tables are there."""
    connections = [await AsyncConnection.connect(url, autocommit=True) for _ in range(count)]
    try:
        await connections[0].execute(_TABLES)
        yield connections
    finally:
        for connection in connections:
            await connection.close()


async def rate(callers: int, seconds: float, once: Callable[[int], Awaitable[object]]) -> float:
    """How often a second ``once`` was done by so many callers side by side; it is told which caller does it."""
    began = perf_counter()

    async def caller(number: int) -> int:
        done = 0
        while perf_counter() - began < seconds:
            await once(number)
            done += 1
        return done

    counts = await asyncio.gather(*map(caller, range(callers)))
    return sum(counts) / (perf_counter() - began)


async def inserts(connections: Sequence[AsyncConnection], callers: int, seconds: float, rows: Iterator[Row]) -> float:
    """One-row transactions a second, by callers that share the connections."""
    free: asyncio.Queue[AsyncConnection] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)

    async def once(_: int) -> None:
        connection = await free.get()
        try:
            await connection.execute(
                "INSERT INTO bench.events (stream, version, tag, state) VALUES (%s, %s, %s, %s)", next(rows)
            )
        finally:
            free.put_nowait(connection)

    return await rate(callers, seconds, once)


async def copied(connection: AsyncConnection, lines: Sequence[str], logs: int) -> float:
    """Rows a second of one binary COPY in one transaction, one row a line, the lines of all logs."""
    await connection.execute("TRUNCATE bench.lines")
    at = datetime.now(UTC)
    began = perf_counter()
    async with (
        connection.cursor() as cursor,
        cursor.copy("COPY bench.lines (log_id, seq, at, stream, line) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["text", "int8", "timestamptz", "text", "text"])
        for log in range(logs):
            for seq, line in enumerate(lines, 1):
                await copy.write_row((f"log-{log}", seq, at, "stdout", line))
    return len(lines) * logs / (perf_counter() - began)
