"""A connection as live streams write to it: past ASGI, which costs more for each message than sending it does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

from litestar.types import Scope

EXTENSION = "shipbook.outlet"
"""Its name among the extensions of an ASGI scope."""


class Taker(Protocol):
    """Who writes to a connection, and is told what becomes of it."""

    def pause(self) -> None:
        """It is full."""
        ...

    def resume(self) -> None:
        """It takes more."""
        ...

    def lose(self) -> None:
        """It is lost."""
        ...

    def received(self, data: bytes) -> None:
        """The other side says something, in no HTTP."""
        ...


class Outlet:
    """The way out of one connection. What is written is sent in order, and never waits."""

    __slots__ = ("_transport", "switched", "taker", "write")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.write = transport.write
        """Send, or keep until it can be sent."""
        self.taker: Taker | None = None
        self.switched = False
        """It speaks HTTP no more."""

    @contextmanager
    def lent(self, taker: Taker) -> Iterator[None]:
        """Tell ``taker`` what becomes of the connection, for the length of the block."""
        self.taker = taker
        if self._transport.is_closing():
            taker.lose()
        try:
            yield
        finally:
            self.taker = None

    def close(self) -> None:
        """Close once everything is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close, whatever is still to be sent."""
        self._transport.abort()

    def switch(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Answer 101 with ``headers``: from here on the connection speaks something else than HTTP."""
        self.switched = True
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.write(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % lines)


def outlet_of(scope: Scope) -> Outlet:
    """The outlet of the request's connection."""
    return cast("Outlet", cast("dict[str, object]", scope["extensions"])[EXTENSION])
