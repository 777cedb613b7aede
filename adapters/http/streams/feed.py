"""One log in one format, for all its readers in this process: each frame is encoded once, and written to all of them.

Readers who have all there is stand abreast, and one task writes to them what comes. Who falls behind, because it comes
late or its connection is full, reads on by itself from the store until it stands abreast again. So nothing is dropped
for anybody, nobody waits for anybody, and a reader costs the others nothing.
"""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from adapters.bell import Bell
from adapters.database import Unavailable
from adapters.http.pages import Page, Pages
from adapters.http.streams.reader import Reader, Standing
from adapters.http.streams.script import Script
from adapters.http.watching import LOOK_SECONDS, Watched, Watching
from adapters.linestore import PastRetention
from adapters.observability import STREAM_FRAMES
from projections.deployments import DeploymentRow

PING_SECONDS = 15.0
SLICE = 200
"""So many readers are written to before other work has its turn."""

_log = structlog.get_logger(__name__)


class Feed:
    """The feed of one log in one format. It runs while it has readers."""

    def __init__(self, found: Watched, script: Script, pages: Pages, watching: Watching) -> None:
        self._watched = found
        self._script = script
        self._pages = pages
        self._watching = watching
        self._readers: set[Reader] = set()
        self._abreast: set[Reader] = set()
        self._tip = 0
        """The last line that was written to those abreast; nobody joins them who has less."""
        self._standing: Standing | None = None
        self._status = b""
        self._bell: Bell | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody reads."""
        return not self._readers

    def learn(self, found: Watched) -> None:
        """Take over what is known of the log."""
        self._watched.learn(found)

    async def read(self, reader: Reader) -> None:
        """Serve one reader until it is gone, or is to come back."""
        self._readers.add(reader)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="feed")
        try:
            await self._serve(reader)
        finally:
            reader.leave()
            self._readers.discard(reader)
            if self.idle:
                self._running.cancel()

    async def _serve(self, reader: Reader) -> None:
        """What a reader does by itself: it reads on until nothing is left, and then stands abreast."""
        reader.hear(self._script.sent(self._script.opening))
        while not (reader.gone or self._watching.stopping):
            if reader.abreast or reader.paused:
                await reader.news()
            else:
                await self._read_on(reader)

    async def _read_on(self, reader: Reader) -> None:
        self._tell(reader)
        closed_at = self._watched.closed_at
        try:
            page = await self._pages.get(self._watched.log_id, reader.after, self._script.page)
        except Unavailable:
            reader.hear(self._script.sent(self._script.ping))
            await reader.news(LOOK_SECONDS)
        except PastRetention:
            reader.leave()  # who comes back is told
        else:
            if page is not None:
                reader.take(page)
                self._count(page, 1)
                await asyncio.sleep(0)  # so that the connection can say that it is full
            elif reader.after >= self._tip:
                self._join(reader)
                self._end(reader, closed_at)

    def _join(self, reader: Reader) -> None:
        if self._bell is not None and not self._abreast:
            self._bell.ring()  # an earlier ring may have told of what this reader has just missed, and nobody heard it
        reader.join(self._abreast)

    async def _run(self) -> None:
        try:
            with self._watching.reading(self._watched) as (self._watched, self._bell):
                await self._follow(self._bell)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the readers come back, and a feed begins again
            _log.error("a feed broke", log_id=self._watched.log_id, exc_info=problem)
        finally:
            self._bell = None
            for reader in self._readers:
                reader.leave()

    async def _follow(self, bell: Bell) -> None:
        """Write what comes to those abreast, until the process stops."""
        now = asyncio.get_running_loop().time
        spoken, told, rung = now(), self._standing, True
        while not self._watching.stopping:
            rung = bell.clear() or rung
            self._look_at_status()
            if told != self._standing:
                told = self._standing
                await self._each(self._tell)
            if rung and (rung := await self._advance(bell)):
                spoken = now()
            elif now() - spoken >= PING_SECONDS:
                spoken, ping = now(), self._script.sent(self._script.ping)
                await self._each(partial(Reader.hear, frames=ping))
            else:
                rung = await bell.wait(PING_SECONDS - (now() - spoken))

    async def _advance(self, bell: Bell) -> bool:
        """Read what follows, once, and write it to those abreast; whether anything did."""
        if not self._abreast:
            return False
        place, closed_at = min(reader.after for reader in self._abreast), self._watched.closed_at
        try:
            page = await self._pages.get(self._watched.log_id, place, self._script.page)
        except Unavailable:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, bell.ring)
            return False
        except PastRetention:
            await self._each(Reader.leave)  # who comes back is told
            return False
        if page is None:
            await self._each(partial(self._end, closed_at=closed_at))
            return False
        self._tip = page.last_seq
        self._count(page, len(self._abreast))

        def pass_on(reader: Reader) -> None:
            if reader.after == place:
                reader.take(page)
            elif reader.after < page.last_seq:
                reader.fall_behind()  # it stands further on: a part of the page is not for it

        await self._each(pass_on)
        return True

    def _end(self, reader: Reader, closed_at: int | None) -> None:
        """Tell the end to a reader behind whom nothing is left; ``closed_at`` was known when that was looked up."""
        if closed_at is None:
            return
        if reader.after < closed_at:
            reader.leave()  # lines that were there are no longer kept: who comes back is told
        elif self._watched.over(reader.after):
            self._tell(reader)
            reader.hear(self._script.sent(self._script.done(self._watched.deployment, closed_at)))
            reader.served = True
            reader.leave()

    def _tell(self, reader: Reader) -> None:
        """The status to a reader who has not heard it."""
        self._look_at_status()
        if reader.told != self._standing:
            reader.told = self._standing
            reader.hear(self._status)

    def _look_at_status(self) -> None:
        """Encode it where it has changed."""
        row = self._watched.deployment
        standing = _standing(row) if row else None
        if row is not None and standing != self._standing:
            self._standing, self._status = standing, self._script.sent(self._script.status(row))

    async def _each(self, act: Callable[[Reader], None]) -> None:
        """Deal with everybody abreast, some at a time."""
        readers = list(self._abreast)
        for start in range(0, len(readers), SLICE):
            for reader in readers[start : start + SLICE]:
                if reader.abreast:
                    act(reader)
            await asyncio.sleep(0)

    def _count(self, page: Page, readers: int) -> None:
        STREAM_FRAMES.labels(self._script.kind).inc(page.count * readers)


def _standing(row: DeploymentRow) -> Standing:
    return (row.status, row.step, row.commit, row.release_id, row.error)
