"""Live streams: Server-Sent Events (HTML Standard, 9.2) and newline-delimited JSON, resumable at any line.

A reader holds its cursor and nothing else, so it may be slow, be cut anywhere, and come back to any process. A line's
``id:`` is its stored seq; ``Last-Event-ID`` beats ``?after=``. What a frame says is the dialect's affair (``Script``).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from adapters.database import Unavailable
from adapters.http.errors import Refusal
from adapters.http.exchange import exchange_of
from adapters.http.pages import Encode, Page, Pages
from adapters.http.watching import LOOK_SECONDS, Watched, Watching
from adapters.linestore import PastRetention
from adapters.observability import STREAM_FRAMES, STREAM_READERS
from domain.rejection import Detail, Invalid
from projections.deployments import DeploymentRow

PING_SECONDS = 15.0
SEND_SECONDS = 60.0
"""A reader that takes nothing for so long is let go; it comes back where it was."""
LONGEST_SECONDS = 3600.0
"""After this a reader is sent away once, so that it shows its credentials again."""
RETRY_MILLISECONDS = 1000
MOST_READERS = 20_000
"""In one process."""

NDJSON = "application/x-ndjson"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Script:
    """What a dialect says in one format: lines, a status, and the end."""

    media_type: str
    opening: bytes
    ping: bytes
    lines: Encode
    status: Callable[[DeploymentRow], bytes]
    done: Callable[[DeploymentRow | None, int], bytes]
    """The last frame: of a deployment, or of a log alone, with the last seq."""


@dataclass(frozen=True)
class Cursor:
    """Where a reader goes on."""

    after: int
    resumed: bool
    """It was here before and tells so by ``Last-Event-ID``."""


def cursor(request: Request[Any, Any, Any], after: int) -> Cursor:
    """Where the request goes on. Raises ``Invalid``."""
    last = request.headers.get("last-event-id")
    if not last:
        return Cursor(after, resumed=False)
    if not (last.isascii() and last.isdecimal() and len(last) < 19):
        message = "must be the id of a former event, a line's seq"
        raise Invalid(f"Last-Event-ID: {message}", details=[Detail(field="Last-Event-ID", message=message)])
    return Cursor(int(last), resumed=True)


def wants_ndjson(request: Request[Any, Any, Any]) -> bool:
    """Whether the reader asks for JSON lines instead of events."""
    return NDJSON in request.headers.get("accept", "")


def past_retention(past: PastRetention) -> Refusal:
    """What is answered to who asks for lines that are no longer kept: never a silent gap."""
    message = f"{past} Ask for what follows seq {past.oldest_seq - 1}."
    return Refusal(410, "past_retention", message, oldest_seq=past.oldest_seq)


class Streams:
    """Serves the live readers of one process."""

    def __init__(self, watching: Watching, pages: Pages) -> None:
        self._watching = watching
        self._pages = pages
        self._readers = 0

    async def open(self, watched: Watched, cursor: Cursor, script: Script) -> ASGIResponse:
        """The answer to a reader: a stream; nothing (204) to one that comes back after the end.

        Raises ``Refusal``: 410 where the lines are no longer kept, 503 where there are too many readers.
        """
        if self._readers >= MOST_READERS:
            raise Refusal(503, "too_many_readers", "Too many streams are open. Try again.", retry_after=5)
        page = await self._first(watched, cursor, script)
        if page is None and cursor.resumed and _over(watched, cursor.after):
            return ASGIResponse(status_code=204)
        return _Stream(script, lambda: self._frames(watched, cursor.after, script), self._counted)

    async def _first(self, watched: Watched, cursor: Cursor, script: Script) -> Page | None:
        try:
            return await self._pages.get(watched.log_id, cursor.after, script.lines)
        except PastRetention as past:
            raise past_retention(past) from past

    def _counted(self, change: int, kind: str) -> None:
        self._readers += change
        STREAM_READERS.labels(kind).inc(change)

    async def _frames(self, found: Watched, after: int, script: Script) -> AsyncIterator[bytes]:
        """The chunks of one stream. Ends after the end, when the process stops, or when it lasted long enough."""
        now = asyncio.get_running_loop().time
        until, told = now() + LONGEST_SECONDS, None
        with self._watching.reading(found) as (watched, bell):
            yield script.opening
            spoken = now()
            while not self._watching.stopping and now() < until:
                bell.clear()
                row = watched.deployment
                if row is not None and _standing(row) != told:
                    told, spoken = _standing(row), now()
                    yield script.status(row)
                try:
                    page = await self._pages.get(watched.log_id, after, script.lines)
                except Unavailable:
                    await bell.wait(LOOK_SECONDS)
                    continue
                except PastRetention:
                    return  # who comes back is told
                if page is not None:
                    after, spoken = page.last_seq, now()
                    STREAM_FRAMES.labels(script.media_type).inc(page.count)
                    yield page.frames
                elif _over(watched, after) and row == watched.deployment:
                    yield script.done(row, after)
                    return
                elif now() - spoken >= PING_SECONDS:
                    spoken = now()
                    yield script.ping
                else:
                    await bell.wait(PING_SECONDS - (now() - spoken))


def _over(watched: Watched, after: int) -> bool:
    """Whether nothing follows ``after`` any more."""
    ended = watched.deployment is None or watched.deployment.ended
    return ended and watched.closed_at is not None and after >= watched.closed_at


def _standing(row: DeploymentRow) -> Sequence[object]:
    """What a status frame tells of."""
    return (row.status, row.step, row.commit, row.release_id, row.error)


_LAST: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}


class _Stream(ASGIResponse):
    """Sends chunks until they end or the reader leaves; either way everything is freed at once."""

    _should_set_content_length = False  # nobody knows how long it will be

    def __init__(
        self, script: Script, chunks: Callable[[], AsyncIterator[bytes]], counted: Callable[[int, str], None]
    ) -> None:
        super().__init__(
            media_type=script.media_type,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Type": script.media_type},
        )
        self._chunks = chunks
        self._counted = counted
        self._kind = script.media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange_of(scope).streaming = True
        self._counted(1, self._kind)
        sending = asyncio.current_task()
        assert sending is not None  # noqa: S101 - a server always runs us in a task
        left = False

        async def watch() -> None:
            nonlocal left
            while (await receive())["type"] != "http.disconnect":
                pass
            left = True
            sending.cancel()

        watcher = asyncio.create_task(watch())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.encode_headers()})
            await self._send_all(send)
        except asyncio.CancelledError:
            if not left:
                raise
            sending.uncancel()
            await send(_LAST)  # who asked with HEAD is still there
        except TimeoutError:
            _log.info("a reader takes nothing", kind=self._kind)
        finally:
            watcher.cancel()
            self._counted(-1, self._kind)

    async def _send_all(self, send: Send) -> None:
        chunks = self._chunks()
        try:
            async for chunk in chunks:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send(_LAST)
        finally:
            await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator
