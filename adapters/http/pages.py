"""Pages of log lines, read and encoded once however many readers want them.

Readers who follow the same log come to stand at the same seq, so at the tip one look at the store serves them all. A
slow reader, or one far behind, finds its own pages in the store: nothing is dropped for anybody.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from adapters.linestore import Line
from domain.identifiers import LogId

KEPT_BYTES = 8 << 20
"""Encoded pages that are kept for readers who come later."""

PAGE_BYTES = 128 << 10
"""Text of one page, give or take a chunk."""

TOGETHER = 0.001
"""Seconds: rings so close to each other are answered by one look at the store."""


class Lines(Protocol):
    """The stored lines of logs, as readers need them."""

    async def read(
        self, log_id: LogId, after: int = 0, *, limit_bytes: int = ..., limit_lines: int | None = None
    ) -> Sequence[Line]:
        """The next lines behind ``after``. Raises ``PastRetention``."""
        ...

    async def last_seqs(self, log_ids: Sequence[LogId]) -> dict[LogId, int]:
        """The last seq of each of these logs that has lines."""
        ...


Encode = Callable[[Sequence[Line]], bytes]
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
        self._looks: dict[Place, tuple[float, asyncio.Task[Page | None]]] = {}

    async def get(self, log_id: LogId, after: int, encode: Encode) -> Page | None:
        """The page behind ``after``; None where there is none yet. Raises ``PastRetention`` and ``Unavailable``."""
        place = (log_id, after, encode)
        if page := self._kept.get(place):
            self._kept.move_to_end(place)
            return page
        begun, look = self._looks.get(place, (0.0, None))
        if look is None or begun < time.monotonic() - TOGETHER:
            look = asyncio.create_task(self._look(place))
            self._looks[place] = (time.monotonic(), look)
            look.add_done_callback(lambda done: self._forget(place, done))
        return await asyncio.shield(look)

    async def _look(self, place: Place) -> Page | None:
        log_id, after, encode = place
        lines = await self._lines.read(log_id, after, limit_bytes=PAGE_BYTES)
        if not lines:
            return None
        page = Page(last_seq=lines[-1].seq, count=len(lines), frames=encode(lines))
        self._keep(place, page)
        return page

    def _keep(self, place: Place, page: Page) -> None:
        former = self._kept.pop(place, None)
        self._kept[place] = page
        self._size += len(page.frames) - (len(former.frames) if former else 0)
        while self._size > KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.frames)

    def _forget(self, place: Place, done: "asyncio.Task[Page | None]") -> None:
        if not done.cancelled():
            done.exception()  # whoever waits for it raises it; nobody may be left to
        if self._looks.get(place, (0.0, None))[1] is done:
            del self._looks[place]
