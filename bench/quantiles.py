"""Quantiles of what was measured, and how they are shown."""

from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


def median(values: Sequence[float]) -> float:
    """The value in the middle."""
    return quantile(values, 0.5)


def milliseconds(seconds: Sequence[float]) -> str:
    """p50, p95, p99 and the worst of durations in seconds."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}
    return " · ".join(f"{name} {quantile(seconds, share) * 1000:.0f}" for name, share in shares.items()) + " ms"
