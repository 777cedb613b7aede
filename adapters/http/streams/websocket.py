"""The handshake of a WebSocket (RFC 6455, 4.2), and what is to be answered while frames go out.

Frames are written as they were encoded for everybody; only what the other side sends is dealt with here.
"""

import asyncio
from contextlib import suppress
from typing import Any

from litestar import Request
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request as Handshake
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from adapters.http.errors import Refusal
from adapters.http.outlet import Outlet
from adapters.http.streams.reader import Reader

LARGEST_MESSAGE = 4096
"""What readers say means nothing, so it may not be long."""
FAREWELL_SECONDS = 5.0
"""So long the other side may take to close."""


class Conversation:
    """The protocol's state on one connection. ``headers`` are those of the answer that accepts it."""

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        """Raises ``Refusal`` where the request is no handshake."""
        handshake = ServerProtocol()
        given = Headers(request.headers.multi_items())
        response = handshake.accept(Handshake(request.url.path, given, protocol=f"HTTP/{_version(request)}"))
        if response.status_code != 101:
            message = f"This is no handshake of a WebSocket: {handshake.handshake_exc}."
            raise Refusal(response.status_code, "invalid_handshake", message)
        self.headers = {name: value for name, value in response.headers.raw_items() if name != "Date"}
        self._protocol = ServerProtocol(state=OPEN, max_size=LARGEST_MESSAGE)

    @property
    def open(self) -> bool:
        """Whether neither side has said farewell."""
        return self._protocol.state is OPEN

    def received(self, data: bytes, outlet: Outlet) -> None:
        """Answer pings and a close; pay no heed to anything else."""
        self._protocol.receive_data(data)
        self._protocol.events_received()
        self._send(outlet)

    def close(self, outlet: Outlet, code: CloseCode) -> None:
        """Say farewell."""
        if self.open:
            self._protocol.send_close(code)
            self._send(outlet)

    def _send(self, outlet: Outlet) -> None:
        for data in self._protocol.data_to_send():
            if data:
                outlet.write(data)
            else:
                outlet.close()


class Talker(Reader):
    """A reader behind a WebSocket."""

    __slots__ = ("_conversation",)

    def __init__(self, outlet: Outlet, after: int, conversation: Conversation) -> None:
        super().__init__(outlet, after)
        self._conversation = conversation

    def received(self, data: bytes) -> None:
        self._conversation.received(data, self._outlet)
        if not self._conversation.open:
            self.leave()

    async def farewell(self) -> None:
        """Close in order, for as long as that may take; one who has not got everything is to come back."""
        self._conversation.close(self._outlet, CloseCode.NORMAL_CLOSURE if self.served else CloseCode.GOING_AWAY)
        await self._until_lost()
        if not self.lost:
            self._outlet.abort()
            await self._until_lost()

    async def _until_lost(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while not self.lost:
                    await self.news()


def _version(request: Request[Any, Any, Any]) -> str:
    return str(request.scope.get("http_version", "1.1"))
