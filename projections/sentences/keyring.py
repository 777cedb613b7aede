"""Sentences about keys."""

from domain import keyring
from domain.keyring import DataKeyRotated, KeysShredded, MasterKeyRotated
from projections.phrases import counted


def tell(fact: keyring.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case MasterKeyRotated():
            master = "a new master key" if fact.made else "the newest master key"
            dropped = f" and dropped {counted(fact.dropped, 'older one')}" if fact.dropped else ""
            return f"{who} wrapped {counted(fact.wrapped, 'key')} under {master}{dropped}."
        case DataKeyRotated():
            return f"{who} gave the {fact.owner} another data key, its generation {fact.generation}."
        case KeysShredded():
            return (
                f"{who} shredded the workspace '{fact.workspace_name}': its keys are destroyed, and nobody can open "
                "its secrets any more."
            )
