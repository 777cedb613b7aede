"""The server's side of one connection, with bounds on what comes before a request is known.

uvicorn bounds neither the time nor the size of a request's head; a peer that trickles or floods would keep memory for
ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
"""Within this time a request's line and headers must have come."""

HEAD_BYTES = 64 << 10
"""How large they may be."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests have heads of bounded size, which come in bounded time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent says
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        head = self._patience
        super().data_received(data)
        if head is not None and self._patience is head:  # all of it belongs to a head that is not complete yet
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._patience is None:
            self._head_bytes = 0
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
