"""Long answers, sent as they are read: no faster than the reader takes them, and for nobody who has left."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import structlog
from litestar.response.base import ASGIResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from adapters.http.exchange import exchange_of

SEND_SECONDS = 60.0
"""A reader that takes nothing for so long is let go."""

_LAST: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}
_log = structlog.get_logger(__name__)


class Sending(ASGIResponse):
    """Sends pieces until they end. Where that fails the connection breaks off, so a part never looks like the whole."""

    _should_set_content_length = False  # nobody knows how long it will be

    def __init__(
        self, media_type: str, pieces: AsyncGenerator[bytes, None], headers: Mapping[str, str] | None = None
    ) -> None:
        own = {"X-Accel-Buffering": "no", "Content-Type": media_type}
        super().__init__(media_type=media_type, headers=own | dict(headers or {}))
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; whether it ends or the reader leaves, everything is freed."""
        exchange = exchange_of(scope)
        exchange.streaming = True
        await send({"type": "http.response.start", "status": 200, "headers": self.encode_headers()})
        if exchange.headless:
            await send(_LAST)
            return
        sending, leaving = asyncio.create_task(self._send(send)), asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except TimeoutError:
            _log.info("a reader takes nothing", path=scope["path"])
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait({sending, leaving})

    async def _send(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send(_LAST)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
