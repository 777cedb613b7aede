"""Pages of log lines, read and encoded once however many readers want them.

Readers who follow the same log come to stand at the same seq, so at the tip one look at the store serves them all. A
slow reader, or one far behind, finds its own pages in the store: nothing is dropped for anybody.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.linestore import Line, Numbered
from domain.identifiers import LogId

KEPT_BYTES = 8 << 20
"""Encoded pages that are kept for readers who come later."""

PAGE_BYTES = 512 << 10
"""Text of one page, give or take a chunk."""


class Lines(Protocol):
    """The stored lines of logs, as readers need them."""

    async def read(self, log_id: LogId, after: int = 0, *, limit_lines: int | None = None) -> Sequence[Line]:
        """The next lines behind ``after``. Raises ``PastRetention``."""
        ...

    async def runs(self, log_id: LogId, after: int = 0, *, limit_bytes: int = ...) -> Sequence[Numbered]:
        """The same lines as they are stored."""
        ...

    def replay(self, log_id: LogId, after: int = 0) -> AsyncGenerator[Sequence[Numbered], None]:
        """All lines behind ``after`` that are stored, page by page."""
        ...

    async def last_seqs(self, log_ids: Sequence[LogId]) -> dict[LogId, int]:
        """The last seq of each of these logs that has lines."""
        ...


Encode = Callable[[Sequence[Numbered]], bytes]
"""A dialect's frames of some lines, one after another."""


@dataclass(frozen=True, slots=True)
class Page:
    """Encoded lines, up to ``last_seq``."""

    last_seq: int
    count: int
    frames: bytes = field(repr=False)


Place = tuple[LogId, int, Encode]


class Pages:
    """The pages of all logs, for all readers of one process."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._kept: OrderedDict[Place, Page] = OrderedDict()
        self._size = 0
        self._looks: dict[Place, _Look] = {}

    async def get(self, log_id: LogId, after: int, encode: Encode) -> Page | None:
        """The page behind ``after``; None where there is none yet. Raises ``PastRetention`` and ``Unavailable``."""
        place = (log_id, after, encode)
        if page := self._kept.get(place):
            self._kept.move_to_end(place)
            return page
        look = self._looks.get(place)
        if look is None or look.begun:  # one that has begun may not see what the caller was told of
            look = self._looks[place] = _Look(self._look, place, look)
        return await asyncio.shield(look.task)

    async def _look(self, place: Place, look: "_Look") -> Page | None:
        log_id, after, encode = place
        try:
            runs = await self._lines.runs(log_id, after, limit_bytes=PAGE_BYTES)
        finally:
            if self._looks.get(place) is look:
                del self._looks[place]
        if not runs:
            return None
        last_seq = runs[-1].last_seq
        page = Page(last_seq=last_seq, count=last_seq + 1 - runs[0].first_seq, frames=encode(runs))
        self._keep(place, page)
        return page

    def _keep(self, place: Place, page: Page) -> None:
        former = self._kept.pop(place, None)
        self._kept[place] = page
        self._size += len(page.frames) - (len(former.frames) if former else 0)
        while self._size > KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.frames)


class _Look:
    """One look at the store, shared by all who ask before it begins. It begins when the former one has ended."""

    def __init__(
        self,
        look: Callable[[Place, "_Look"], Coroutine[Any, Any, Page | None]],
        place: Place,
        former: "_Look | None",
    ) -> None:
        self.begun = False
        self.task: asyncio.Task[Page | None] = asyncio.create_task(
            self._run(look, place, former.task if former else None)
        )
        self.task.add_done_callback(_heard)

    async def _run(
        self,
        look: Callable[[Place, "_Look"], Coroutine[Any, Any, Page | None]],
        place: Place,
        former: asyncio.Task[Page | None] | None,
    ) -> Page | None:
        if former is not None:
            await asyncio.wait([former])
        self.begun = True
        return await look(place, self)


def _heard(done: asyncio.Task[Page | None]) -> None:
    """Take note of a failure that nobody waits for any more; whoever does, raises it."""
    if not done.cancelled():
        done.exception()
