"""A person, their sessions and their tokens.

A password's verifier is sealed in the vault like a secret; the facts say only that one was set. Tokens and
sessions are high-entropy secrets, of which the facts keep a SHA-256 digest.
"""

from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import AccountId, ApiTokenId, ProjectId, SessionId, TenantId


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


class SessionRevoked(Fact, tag="account.session-revoked"):
    """The person ended a session from another one."""

    account_id: AccountId
    session_id: SessionId


class SessionsExpired(Fact, tag="account.sessions-expired"):
    """Sessions that nobody ended had reached their time; found when the next one began."""

    account_id: AccountId
    session_ids: tuple[SessionId, ...]


class PasswordChanged(Fact, tag="account.password-changed"):
    """The person gave themselves another password, and every session ended but the one they did it from."""

    account_id: AccountId
    version: int
    ended: tuple[SessionId, ...]


class SignInLocked(Fact, tag="account.sign-in-locked"):
    """Too many wrong passwords: until then no password is looked at, be it right. The actor's address sent the last.

    ``address`` is whose attempts are refused; None where everybody's are.
    """

    account_id: AccountId
    attempts: int
    until: datetime
    address: str | None


class OperatorAppointed(Fact, tag="account.operator-appointed"):
    """The person may look after the whole installation."""

    account_id: AccountId


class OperatorDismissed(Fact, tag="account.operator-dismissed"):
    """The person may no longer look after the installation."""

    account_id: AccountId


class ApiTokenIssued(Fact, tag="account.api-token-issued"):
    """A token was made; its secret was shown once."""

    account_id: AccountId
    token_id: ApiTokenId
    tenant_id: TenantId
    name: str
    digest: str
    scope: Scope
    expires_at: datetime | None = None
    project_ids: tuple[ProjectId, ...] = ()
    """All that it reaches; empty for the whole workspace."""


class ApiTokenRevoked(Fact, tag="account.api-token-revoked"):
    """A token stopped working."""

    account_id: AccountId
    token_id: ApiTokenId
    name: str


Event = (
    AccountRegistered
    | SessionStarted
    | SessionEnded
    | SessionRevoked
    | SessionsExpired
    | PasswordChanged
    | SignInLocked
    | OperatorAppointed
    | OperatorDismissed
    | ApiTokenIssued
    | ApiTokenRevoked
)


class LiveToken(Value):
    """What is kept of a token that works."""

    name: str
    tenant_id: TenantId


class Account(Value):
    """What later decisions need of an account."""

    registered: bool = False
    operator: bool = False
    password_version: int = 0
    sessions: dict[SessionId, datetime] = {}
    """Those that nobody ended, and when each expires."""
    tokens: dict[ApiTokenId, LiveToken] = {}


def evolve(state: Account, fact: Event) -> Account:
    """The account after ``fact``."""
    match fact:
        case AccountRegistered():
            return Account(registered=True, operator=fact.operator, password_version=fact.password_version)
        case SessionStarted():
            return replace(state, sessions={**state.sessions, fact.session_id: fact.expires_at})
        case SessionEnded() | SessionRevoked():
            return _without(state, (fact.session_id,))
        case SessionsExpired():
            return _without(state, fact.session_ids)
        case PasswordChanged():
            return replace(_without(state, fact.ended), password_version=fact.version)
        case OperatorAppointed() | OperatorDismissed():
            return replace(state, operator=isinstance(fact, OperatorAppointed))
        case ApiTokenIssued():
            live = LiveToken(name=fact.name, tenant_id=fact.tenant_id)
            return replace(state, tokens={**state.tokens, fact.token_id: live})
        case ApiTokenRevoked():
            return replace(state, tokens={key: one for key, one in state.tokens.items() if key != fact.token_id})
        case SignInLocked():
            return state


def _without(state: Account, ended: tuple[SessionId, ...]) -> Account:
    return replace(state, sessions={key: end for key, end in state.sessions.items() if key not in ended})
