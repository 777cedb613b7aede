"""A person, their sessions and their tokens.

A password's verifier is sealed in the vault like a secret; the facts say only that one was set. Tokens and
sessions are high-entropy secrets, of which the facts keep a SHA-256 digest.
"""

from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import AccountId, ApiTokenId, SessionId, TenantId


class Scope(StrEnum):
    """What a token may do: each includes the ones before it."""

    READ = "read"
    DEPLOY = "deploy"
    ADMIN = "admin"


class AccountRegistered(Fact, tag="account.registered"):
    """A person joined, and with them a workspace of their own."""

    account_id: AccountId
    email: str
    workspace_id: TenantId
    workspace_name: str
    operator: bool = False
    password_version: int = 1


class SessionStarted(Fact, tag="account.session-started"):
    """The person signed in with a browser or the command line."""

    account_id: AccountId
    session_id: SessionId
    digest: str
    expires_at: datetime


class SessionEnded(Fact, tag="account.session-ended"):
    """The person signed out."""

    account_id: AccountId
    session_id: SessionId


class ApiTokenIssued(Fact, tag="account.api-token-issued"):
    """A token was made; its secret was shown once."""

    account_id: AccountId
    token_id: ApiTokenId
    tenant_id: TenantId
    name: str
    digest: str
    scope: Scope
    expires_at: datetime | None = None


class ApiTokenRevoked(Fact, tag="account.api-token-revoked"):
    """A token stopped working."""

    account_id: AccountId
    token_id: ApiTokenId
    name: str


Event = AccountRegistered | SessionStarted | SessionEnded | ApiTokenIssued | ApiTokenRevoked


class Account(Value):
    """What later decisions need of an account."""

    registered: bool = False
    sessions: frozenset[SessionId] = frozenset()
    tokens: dict[ApiTokenId, str] = {}
    """The live tokens and their names."""


def evolve(state: Account, fact: Event) -> Account:
    """The account after ``fact``."""
    match fact:
        case AccountRegistered():
            return Account(registered=True)
        case SessionStarted():
            return replace(state, sessions=state.sessions | {fact.session_id})
        case SessionEnded():
            return replace(state, sessions=state.sessions - {fact.session_id})
        case ApiTokenIssued():
            return replace(state, tokens={**state.tokens, fact.token_id: fact.name})
        case ApiTokenRevoked():
            return replace(state, tokens={key: name for key, name in state.tokens.items() if key != fact.token_id})
