"""Sentences about releases that are kept or let go."""

from domain.keeping import Event, ReleaseExpired, ReleasePinned, ReleaseUnpinned
from projections.phrases import deployment_reference


def tell(fact: Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    release = f"the release of {deployment_reference(fact.deployment_number)}"
    match fact:
        case ReleasePinned():
            return f"{who} pinned {release}, so that it does not expire{f': {fact.reason}' if fact.reason else '.'}"
        case ReleaseUnpinned():
            return f"{who} unpinned {release}, so that it may expire."
        case ReleaseExpired():
            return f"T{release[1:]} expired, so that it cannot be rolled back to any more."
