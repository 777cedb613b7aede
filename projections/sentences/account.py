"""Sentences about accounts."""

from domain import account
from domain.account import (
    AccountRegistered,
    ApiTokenIssued,
    ApiTokenRevoked,
    OperatorAppointed,
    OperatorDismissed,
    PasswordChanged,
    SessionEnded,
    SessionRevoked,
    SessionsExpired,
    SessionStarted,
    SignInLocked,
)
from projections.phrases import counted, moment


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
        case SessionRevoked():
            return f"{who} ended another session of theirs."
        case SessionsExpired():
            return f"{counted(len(fact.session_ids), 'session')} of {who} had expired."
        case PasswordChanged():
            return f"{who} changed their password; {counted(len(fact.ended), 'other session')} ended."
        case SignInLocked():
            place = f"from {fact.address}" if fact.address else "from everywhere"
            return f"Signing in {place} was locked until {moment(fact.until)}, after {fact.attempts} wrong passwords."
        case OperatorAppointed():
            return f"{who} made the account {fact.account_id} an operator."
        case OperatorDismissed():
            return f"{who} dismissed the account {fact.account_id} as an operator."
        case ApiTokenIssued():
            return _issued(fact, who)
        case ApiTokenRevoked():
            return f"{who} revoked the API token '{fact.name}'."


def _issued(fact: ApiTokenIssued, who: str) -> str:
    reach = f" for {counted(len(fact.project_ids), 'project')}" if fact.project_ids else ""
    end = f"until {moment(fact.expires_at)}" if fact.expires_at else "without an end"
    return f"{who} made the API token '{fact.name}' with the scope '{fact.scope}'{reach}, {end}."
