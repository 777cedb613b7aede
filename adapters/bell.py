"""Bells: "there may be news". A ring carries no content; who hears it reads what is true from Postgres (rule 7)."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """One waiter's bell. A ring that comes while nobody waits is kept for the next wait."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There may be news."""
        self._rung.set()

    def clear(self) -> None:
        """Forget earlier rings. Do it before reading, so that a ring during the reading is kept."""
        self._rung.clear()

    async def wait(self, timeout: float) -> bool:
        """Until the next ring or for ``timeout`` seconds, whichever is sooner; whether it rang."""
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Bells:
    """Every waiter's bell, by what it waits for: a log's id, or a channel of Postgres. For one event loop."""

    def __init__(self) -> None:
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)

    @contextmanager
    def listening(self, key: str) -> Iterator[Bell]:
        """A bell that rings with ``key`` while the context lasts."""
        bell = Bell()
        self._bells[key].add(bell)
        try:
            yield bell
        finally:
            self._bells[key].discard(bell)
            if not self._bells[key]:
                del self._bells[key]

    def ring(self, key: str) -> None:
        """Ring for everybody who waits for ``key``."""
        for bell in self._bells.get(key, ()):
            bell.ring()

    def ring_all(self, prefix: str = "") -> None:
        """Ring for everybody who waits for a key that begins so: what happened meanwhile is not known."""
        for key in self._bells:
            if key.startswith(prefix):
                self.ring(key)
