"""Sentences about accounts."""

from domain import account
from domain.account import AccountRegistered, ApiTokenIssued, ApiTokenRevoked, SessionEnded, SessionStarted
from projections.phrases import moment


def tell(fact: account.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case AccountRegistered():
            role = " as an operator" if fact.operator else ""
            return f"{fact.email} joined{role} with the workspace '{fact.workspace_name}'."
        case SessionStarted():
            return f"{who} signed in until {moment(fact.expires_at)}."
        case SessionEnded():
            return f"{who} signed out."
        case ApiTokenIssued():
            end = f"until {moment(fact.expires_at)}" if fact.expires_at else "without an end"
            return f"{who} made the API token '{fact.name}' with the scope '{fact.scope}', {end}."
        case ApiTokenRevoked():
            return f"{who} revoked the API token '{fact.name}'."
