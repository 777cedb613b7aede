"""Sentences about secrets."""

from domain import secret
from domain.secret import SecretRemoved, SecretRotated, SecretSet, SecretValuesDeleted
from projections.phrases import counted


def tell(fact: secret.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case SecretSet():
            return f"{who} set the secret '{fact.name}' for the {fact.scope}."
        case SecretRotated():
            return f"{who} gave the secret '{fact.name}' its version {fact.version}."
        case SecretRemoved():
            return f"{who} removed the secret '{fact.name}'."
        case SecretValuesDeleted():
            values = counted(len(fact.versions), "value")
            return f"{who} deleted {values} of the removed secret '{fact.name}', which no release has."
