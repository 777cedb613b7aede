"""Sentences about how long things are kept."""

from domain.retention import RetentionPolicy, RetentionSet
from projections.phrases import counted


def tell(fact: RetentionSet, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    return f"{who} set that {_kept(fact.policy)} stay in each environment; before it was {_kept(fact.former)}."


def _kept(policy: RetentionPolicy) -> str:
    return "as many releases as usual" if policy.releases is None else counted(policy.releases, "release")
