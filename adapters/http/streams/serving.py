"""Answering with a live stream.

A reader holds its cursor and nothing else, so it may be slow, be cut anywhere, and come back to any process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from adapters.http.errors import Refusal
from adapters.http.exchange import exchange_of
from adapters.http.outlet import outlet_of
from adapters.http.pages import Pages
from adapters.http.streams.asking import Cursor, past_retention, require_kept
from adapters.http.streams.feed import Feed
from adapters.http.streams.reader import SEND_SECONDS, Reader
from adapters.http.streams.script import Script
from adapters.http.streams.websocket import Conversation, Talker
from adapters.http.watching import Watched, Watching
from adapters.linestore import PastRetention
from adapters.observability import STREAM_READERS
from domain.identifiers import LogId

LONGEST_SECONDS = 3600.0
"""After this a reader is sent away once, so that it shows its credentials again."""
MOST_READERS = 20_000
"""In one process."""

Read = Callable[[Reader], Awaitable[None]]


class Streams:
    """Serves the live readers of one process."""

    def __init__(self, watching: Watching, pages: Pages) -> None:
        self._watching = watching
        self._pages = pages
        self._feeds: dict[tuple[LogId, Script], Feed] = {}
        self._readers = 0

    async def open(
        self, request: Request[Any, Any, Any], found: Watched, cursor: Cursor, script: Script
    ) -> ASGIResponse:
        """The answer to a reader: a stream; nothing (204) to one that comes back after the end.

        Raises ``Refusal``: 410 where the lines are no longer kept, 503 where there are too many readers, and others
        where a WebSocket is wanted without its handshake.
        """
        if self._readers >= MOST_READERS:
            raise Refusal(503, "too_many_readers", "Too many streams are open. Try again.", retry_after=5)
        try:
            page = await self._pages.get(found.log_id, cursor.after, script.page)
        except PastRetention as past:
            raise past_retention(past) from past
        if page is None:
            require_kept(cursor.after, found.closed_at)
        if page is None and cursor.resumed and found.over(cursor.after - 1):  # it had the end, whose id is one higher
            return ASGIResponse(status_code=204)

        async def read(reader: Reader) -> None:
            with self._counted(script.kind):
                await self._read(found, script, reader)

        if script.upgrades:
            return _Socket(Conversation(request), cursor.after, read)
        return _Body(script.kind, cursor.after, read)

    async def _read(self, found: Watched, script: Script, reader: Reader) -> None:
        place = (found.log_id, script)
        feed = self._feeds.get(place)
        if feed is None:
            feed = self._feeds[place] = Feed(found, script, self._pages, self._watching)
        feed.learn(found)
        leaving = asyncio.get_running_loop().call_later(LONGEST_SECONDS, reader.leave)
        try:
            await feed.read(reader)
        finally:
            leaving.cancel()
            if feed.idle:
                self._feeds.pop(place, None)

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        self._readers += 1
        with STREAM_READERS.labels(kind).track_inprogress():
            try:
                yield
            finally:
                self._readers -= 1


_LAST: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}


class _Body(ASGIResponse):
    """A body of chunks, until they end or the reader leaves; either way everything is freed at once."""

    _should_set_content_length = False  # nobody knows how long it will be

    def __init__(self, media_type: str, after: int, read: Read) -> None:
        kept = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        headers = {**kept, "Content-Type": media_type, "Transfer-Encoding": "chunked"}
        super().__init__(media_type=media_type, headers=headers)
        self._after = after
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        exchange, outlet = exchange_of(scope), outlet_of(scope)
        exchange.streaming = True
        await send({"type": "http.response.start", "status": 200, "headers": self.encode_headers()})
        if not exchange.headless:
            reader = Reader(outlet, self._after)
            with outlet.lent(reader):
                await self._read(reader)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await send(_LAST)
        except TimeoutError:
            outlet.abort()


class _Socket(ASGIResponse):
    """A WebSocket, until everything is said or the reader leaves."""

    def __init__(self, conversation: Conversation, after: int, read: Read) -> None:
        super().__init__(status_code=101, headers=conversation.headers)
        self._conversation = conversation
        self._after = after
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        exchange_of(scope).streaming = True
        outlet = outlet_of(scope)
        talker = Talker(outlet, self._after, self._conversation)
        with outlet.lent(talker):
            await send({"type": "http.response.start", "status": 101, "headers": self.encode_headers()})
            await self._read(talker)
            await talker.farewell()
