"""One reader of a live stream: where it stands, and the connection that it reads from."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from adapters.http.outlet import Outlet
from adapters.http.pages import Page

SEND_SECONDS = 60.0
"""A reader that takes nothing for so long is let go; it comes back where it was."""

Standing = Sequence[object]
"""What a status frame tells of."""


class Reader:
    """It stands right behind the line ``after``: what was written before may be on its way, and nothing else is kept.

    It is ``abreast`` while its feed writes to it. Otherwise it is on its own, and reads what it has not got from the
    store.
    """

    __slots__ = (
        "_among",
        "_news",
        "_outlet",
        "_patience",
        "_write",
        "abreast",
        "after",
        "gone",
        "lost",
        "paused",
        "served",
        "told",
    )

    def __init__(self, outlet: Outlet, after: int) -> None:
        self.after = after
        self.told: Standing | None = None
        self.paused = False
        """The connection takes no more for the time being."""
        self.gone = False
        """It left, was sent away, or has got everything."""
        self.served = False
        """It has got everything."""
        self.lost = False
        """Its connection is."""
        self.abreast = False
        """Its feed writes to it."""
        self._outlet = outlet
        self._write = outlet.write
        self._among: set[Reader] | None = None
        self._news: asyncio.Future[None] | None = None
        self._patience: asyncio.TimerHandle | None = None

    def take(self, page: Page) -> None:
        """Write the page that follows."""
        self.after = page.last_seq
        if not self.gone:
            self._write(page.frames)

    def hear(self, frames: bytes) -> None:
        """Write something else, as long as there is somebody."""
        if not self.gone:
            self._write(frames)

    def join(self, abreast: "set[Reader]") -> None:
        """Be one of those whom the feed writes to."""
        self.abreast, self._among = True, abreast
        abreast.add(self)

    def fall_behind(self) -> None:
        """Be no longer one of them."""
        if self._among is not None:
            self._among.discard(self)
        self.abreast, self._among = False, None
        self._wake()

    def leave(self) -> None:
        """End its stream."""
        self.gone = True
        self.fall_behind()
        self._be_patient(None)

    def lose(self) -> None:
        """The connection is lost."""
        self.lost = True
        self.leave()

    def received(self, data: bytes) -> None:
        """What the other side says means nothing."""

    def pause(self) -> None:
        """The connection is full. It is written to again when it has taken that, which must not last for ever."""
        self.paused = True
        self.fall_behind()
        self._be_patient(asyncio.get_running_loop().call_later(SEND_SECONDS, self._outlet.abort))

    def resume(self) -> None:
        """The connection takes more."""
        self.paused = False
        self._be_patient(None)
        self._wake()

    async def news(self, seconds: float | None = None) -> None:
        """Until it is no longer as it is, or for ``seconds``."""
        self._news = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _be_patient(self, handle: asyncio.TimerHandle | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = handle
