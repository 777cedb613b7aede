"""Rounds of measurements in which the sides take turns, so that whatever else the machine does falls on all of them."""

from collections.abc import Awaitable, Callable, Mapping

from bench.quantiles import median

Side = Callable[[float], Awaitable[float]]
"""Does its work for so many seconds; returns how much of it a second."""
Rates = Mapping[str, list[float]]
"""By side, round by round."""


async def interleaved(sides: Mapping[str, Side], rounds: int, seconds: float) -> Rates:
    """The rates of each side, after a short turn of each to warm up."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        await side(seconds / 4)
    for _ in range(rounds):
        for name, side in sides.items():
            rates[name].append(await side(seconds))
    return rates


def ratio(rates: Rates, one: str, other: str) -> float:
    """The median of the rounds' ratios."""
    return median([mine / theirs for mine, theirs in zip(rates[one], rates[other], strict=True)])
