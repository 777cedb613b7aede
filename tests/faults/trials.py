"""How many trials a fault gets: a few with every run of the tests, more with ``make faults N=1000``."""

import os

WANTED = int(os.environ.get("SHIPBOOK_FAULTS", "0"))
"""What ``make faults`` asks for; 0 in an ordinary run of the tests."""


def trials(short: int, share: float = 1.0) -> int:
    """``short`` trials in an ordinary run, else ``share`` of what ``make faults`` asks for, and at least ``short``."""
    return max(short, round(WANTED * share))
