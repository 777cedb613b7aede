"""How figures of the faults are put into words."""

from collections.abc import Callable, Sequence
from statistics import quantiles

READY_SECONDS = 3.0
"""So soon everything shall serve again on a quiet machine."""

Note = Callable[[str, object], None]
"""pytest's ``record_property``: a name and a value, for the run's summary (``conftest``)."""


def shown(seconds: Sequence[float]) -> str:
    """A distribution in a few words."""
    if len(seconds) < 2:
        return f"{seconds}"
    cuts = quantiles(seconds, n=20, method="inclusive")
    late = sum(took > READY_SECONDS for took in seconds)
    return (
        f"p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, max {max(seconds):.2f} s; "
        f"{late} of {len(seconds)} later than {READY_SECONDS:g} s"
    )
