"""Limits on how often something may be tried, in memory of a fixed size.

A limit of the process, not of the plane: it slows guessing down, and no rule of the business rests on it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil

MOST_KEYS = 10_000
"""Keys that are remembered; behind that the longest unused is forgotten."""


class Throttle:
    """Each key may be used ``limit`` times at once, and regains one use every ``period / limit`` seconds."""

    def __init__(self, limit: int, period: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._refill = limit / period
        self._clock = clock
        self._uses: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """Use the key: 0 where that is allowed, else the whole seconds until it will be."""
        left = self._left(key)
        if left < 1:
            return ceil((1 - left) / self._refill)
        self._keep(key, left - 1)
        return 0

    def give_back(self, key: str) -> None:
        """The use did not count."""
        self._keep(key, min(self._limit, self._left(key) + 1))

    def _left(self, key: str) -> float:
        left, at = self._uses.get(key, (float(self._limit), self._clock()))
        return min(float(self._limit), left + (self._clock() - at) * self._refill)

    def _keep(self, key: str, left: float) -> None:
        self._uses[key] = (left, self._clock())
        self._uses.move_to_end(key)
        while len(self._uses) > MOST_KEYS:
            self._uses.popitem(last=False)
