"""The server's side of one connection, with bounds on what comes before a request is known.

uvicorn bounds neither the time nor the size of a request's head; a peer that trickles or floods would keep memory for
ever. Live streams find the connection's ``Outlet`` in the scope of their request.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.http.outlet import EXTENSION, Outlet

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
        self._outlet: Outlet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent says
        super().connection_made(transport)
        self._outlet = Outlet(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._outlet.switched:
            if self._outlet.taker:
                self._outlet.taker.received(data)
            return
        head = self._patience
        super().data_received(data)
        if head is not None and self._patience is head:  # all of it belongs to a head that is not complete yet
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._outlet.switched:
            self.flow.pause_reading()  # or answers to pings would pile up behind what is not taken
        if self._outlet.taker:
            self._outlet.taker.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._outlet.switched:
            self.flow.resume_reading()
        if self._outlet.taker:
            self._outlet.taker.resume()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self._outlet}  # type: ignore[dict-item]  # it is no standard one
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        if self._outlet.taker:
            self._outlet.taker.lose()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the application answers as if nothing had been asked, or upgrades by itself."""

    def _await_head(self) -> None:
        if self._patience is None:
            self._head_bytes = 0
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
