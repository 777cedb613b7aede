"""Requests that begin when they are due, whether or not earlier ones were answered (an open loop), on kept connections.

A latency counts from the moment at which the request was due, so a server that stalls is not spared those that would
have come meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from time import perf_counter
from typing import cast

CONNECTIONS = 64
TIMEOUT_SECONDS = 10.0

Answer = tuple[int, bytes]
"""Status and body."""


class Client:
    """Connections to one server, each with one request at a time."""

    def __init__(self) -> None:
        self._free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str) -> AsyncIterator["Client"]:
        """A client of the server at ``host:port``."""
        client, (host, _, port) = cls(), address.rpartition(":")
        connections = []
        for _ in range(CONNECTIONS):
            _, connection = await asyncio.get_running_loop().create_connection(_Connection, host, int(port))
            connections.append(connection)
            client._free.put_nowait(connection)
        try:
            yield client
        finally:
            for connection in connections:
                connection.close()

    async def ask(self, request: bytes) -> Answer:
        """The answer. Raises ``TimeoutError`` or ``OSError``."""
        connection = await self._free.get()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await connection.ask(request)
        finally:
            self._free.put_nowait(connection)


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._received = b""
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            self._received = b""
            if not self._answer.done():
                self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed without an answer"))

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._answer.cancel()
        self._transport.close()


async def paced(once: Callable[[], Awaitable[object]], rate: float, seconds: float) -> list[float]:
    """The latencies of ``once``, in seconds, due ``rate`` times a second at random moments (a Poisson process)."""
    chance, latencies = Random(4711), list[float]()  # noqa: S311 - the same moments each time
    began = due = perf_counter()

    async def timed(due: float) -> None:
        await once()
        latencies.append(perf_counter() - due)

    async with asyncio.TaskGroup() as tasks:
        while (due := due + chance.expovariate(rate)) < began + seconds:
            if (early := due - perf_counter()) > 0:
                await asyncio.sleep(early)
            tasks.create_task(timed(due))
    return latencies
