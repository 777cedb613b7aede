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
    """Connections to one server, each with one request at a time; one that the server has closed is opened again."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host, int(port)
        self._free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str) -> AsyncIterator["Client"]:
        """A client of the server at ``host:port``."""
        client = cls(address)
        for _ in range(CONNECTIONS):
            client._free.put_nowait(await client._opened())
        try:
            yield client
        finally:
            while not client._free.empty():
                client._free.get_nowait().close()

    async def ask(self, request: bytes) -> Answer:
        """The answer. Raises ``TimeoutError`` or ``OSError``."""
        connection = await self._free.get()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if connection.closed:
                    connection = await self._opened()
                return await connection.ask(request)
        finally:
            self._free.put_nowait(connection)

    async def _opened(self) -> "_Connection":
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return connection


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._received = b""
        self._answer: asyncio.Future[Answer] | None = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            self._received = b""
            if self._answer and not self._answer.done():
                self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed without an answer"))

    @property
    def closed(self) -> bool:
        """Whether the server has ended it, as servers do with those that are idle."""
        return self._transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        if self._answer:
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
