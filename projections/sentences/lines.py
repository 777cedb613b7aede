"""Sentences about logs."""

from domain.lines import LogClosed
from projections.phrases import counted


def tell(fact: LogClosed, _: str) -> str:
    """What happened."""
    return f"The log {fact.log_id} was closed after {counted(fact.last_seq, 'line')}."
