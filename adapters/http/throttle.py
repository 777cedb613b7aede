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
        self._period = period
        self._clock = clock
        self._uses: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, limit: int | None = None) -> int:
        """Use the key, which may have its own limit: 0 where that is allowed, else the seconds until it will be."""
        limit = self._limit if limit is None else limit
        if limit < 1:
            return ceil(self._period)
        left = self._left(key, limit)
        if left < 1:
            return ceil((1 - left) * self._period / limit)
        self._keep(key, left - 1)
        return 0

    def _left(self, key: str, limit: int) -> float:
        left, at = self._uses.get(key, (float(limit), self._clock()))
        return min(float(limit), left + (self._clock() - at) * limit / self._period)

    def _keep(self, key: str, left: float) -> None:
        self._uses[key] = (left, self._clock())
        self._uses.move_to_end(key)
        while len(self._uses) > MOST_KEYS:
            self._uses.popitem(last=False)
