"""Sentences about releases."""

from domain.release import ReleaseCut
from projections.phrases import counted, deployment_reference


def tell(fact: ReleaseCut, _: str) -> str:
    """What happened."""
    pinned = f" and {counted(len(fact.secrets), 'secret')}" if fact.secrets else ""
    megabytes = f"{fact.artifact_bytes / 1_000_000:.1f} MB"
    reference = deployment_reference(fact.deployment_number)
    return f"{reference} left a release of {fact.commit[:7]} on '{fact.branch}' with {megabytes}{pinned}."
