"""Bells: "there may be news". Who hears a ring reads what is true from Postgres (rule 7)."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

MOST_NAMES = 10_000
"""So many names are kept for one who does not take them; then anything may be new."""


class Bell:
    """One waiter's bell. A ring that comes while nobody waits is kept for the next wait."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._rung = False

    def ring(self) -> None:
        """There may be news."""
        self._rung = True
        self._woken.set()

    def wake(self) -> None:
        """End the wait, without a ring: what is new, the waiter has at hand."""
        self._woken.set()

    def clear(self) -> bool:
        """Forget earlier rings, of which it says whether there were any.

        Do it before reading, so that a ring during the reading is kept.
        """
        rung, self._rung = self._rung, False
        self._woken.clear()
        return rung

    async def wait(self, timeout: float) -> bool:
        """Until the next ring, or for ``timeout`` seconds, or until it is woken; whether it rang."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        return self.clear()


class News(Bell):
    """A bell that keeps what it was told is new."""

    def __init__(self) -> None:
        super().__init__()
        self._names: set[str] | None = None

    def tell(self, names: Iterable[str] | None) -> None:
        """Ring, because of these; None: anything may be new."""
        if names is None or self._names is None or len(self._names) > MOST_NAMES:
            self._names = None
        else:
            self._names.update(names)
        self.ring()

    def take(self) -> set[str] | None:
        """What was told since the last call."""
        self.clear()
        names, self._names = self._names, set()
        return names


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
