"""A table to change beneath a running Caddy, instances for it to reach, and plain HTTP to look at it."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from adapters.edge.responder import Responder, Upstream
from adapters.edge.sites import Sites
from adapters.edge.table import EdgeTable
from adapters.settings import Settings

_NUMBERS = count(1)


@dataclass(frozen=True)
class Answer:
    """An HTTP response: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One keep-alive connection, which never tries anything twice."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, host: str, path: str = "/", method: str = "GET", **headers: str) -> Answer:
        named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{named}\r\n".encode("latin-1"))
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> Answer:
        async with asyncio.timeout(10):
            status, headers = await self.head()
            length = 0 if method == "HEAD" or status in {204, 304} else int(headers.get("content-length", 0))
            return Answer(status, headers, await self.reader.readexactly(length))

    async def head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def close(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until it is."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@dataclass
class Instance:
    """An instance of a service: answers each request with its name, and remembers the heads of requests."""

    name: str
    asked: list[str] = field(default_factory=list)
    slowly: asyncio.Event | None = None
    hangs_up: bool = False
    """Closes the connection after each answer, as the servers of some frameworks do."""
    _serving: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Upstream]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield Upstream("127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            # Accept no more, and let what was accepted reach ``_serve``: a server that closes in between loses it.
            asyncio.get_running_loop().remove_reader(server.sockets[0].fileno())
            for _ in range(10):
                await asyncio.sleep(0)
            server.close()
            for writer in self._serving.values():
                writer.transport.abort()
            if self._serving:
                await asyncio.wait(self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving[asyncio.current_task()] = writer
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                if self.slowly:
                    await self._stream(writer, self.slowly)
                else:
                    body, also = self.name.encode(), b"Connection: close\r\n" if self.hangs_up else b""
                    writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (also, len(body), body))
                await writer.drain()
                if self.hangs_up:
                    break
        del self._serving[asyncio.current_task()]
        await close(writer)

    async def _stream(self, writer: asyncio.StreamWriter, go_on: asyncio.Event) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await go_on.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")


@contextlib.contextmanager
def addresses_told(settings: Settings) -> Iterator[None]:
    """Caddy is told addresses for the length of the block, by a thread, as by whoever runs it on a machine."""
    loop, responder = asyncio.new_event_loop(), Responder()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(responder.start(settings.addresses_socket), loop).result(5)
        yield
        asyncio.run_coroutine_threadsafe(responder.stop(), loop).result(5)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@dataclass(frozen=True)
class Edge:
    """A running Caddy; its responder and its links belong to whoever opens ``table``."""

    settings: Settings

    @contextlib.asynccontextmanager
    async def table(self) -> AsyncIterator[EdgeTable]:
        async with Responder() as responder:
            await responder.start(self.settings.instances_socket)
            yield EdgeTable(responder, Sites(self.settings.sites_dir))

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        reader, writer = await asyncio.open_connection(self.settings.edge.host, self.settings.edge.port)
        try:
            yield Connection(reader, writer)
        finally:
            await close(writer)

    async def ask(self, host: str, path: str = "/", method: str = "GET", **headers: str) -> Answer:
        async with self.connection() as connection:
            return await connection.ask(host, path, method, **headers)

    def host(self) -> str:
        """A host that nobody has used."""
        return f"app-{next(_NUMBERS)}.localhost"

    def artifact(self, **files: str) -> Path:
        """A directory of files; a double underscore in a name stands for a dot, a single one for itself."""
        return self.artifact_of({name.replace("__", "."): text for name, text in files.items()})

    def artifact_of(self, files: dict[str, str]) -> Path:
        """A directory of files by their path."""
        directory = self.settings.artifacts_dir / str(next(_NUMBERS))
        for name, text in files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
            os.utime(directory / name, (1_000_000_000, 1_000_000_000))
        return directory
