"""Sentences about the audit trail."""

from domain.audit import Event


def tell(fact: Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    which = ", ".join(f"{name} '{value}'" for name, value in fact.sought.items())
    about = f" with {which}" if which else ""
    return f"{who} exported the audit trail{about} up to position {fact.until_position} as {fact.format.upper()}."
