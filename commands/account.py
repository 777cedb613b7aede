"""People, sessions and tokens: what may be asked."""

import re
from collections.abc import Sequence
from datetime import datetime

from commands.checks import check, name
from commands.command import Command
from commands.decider import Decider
from domain.account import (
    Account,
    AccountRegistered,
    ApiTokenIssued,
    ApiTokenRevoked,
    Event,
    Scope,
    SessionEnded,
    SessionStarted,
    evolve,
)
from domain.identifiers import AccountId, ApiTokenId, SessionId, TenantId
from domain.rejection import Conflict, NotFound

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
MOST_TOKENS = 100
"""How many live tokens an account may have."""


class RegisterAccount(Command):
    """Join, with a workspace of one's own. The password's verifier is sealed with the append."""

    account_id: AccountId
    email: str
    workspace_id: TenantId
    workspace_name: str
    operator: bool = False


class StartSession(Command):
    """Sign in. Whether the password is right was checked before; ``digest`` is the session secret's SHA-256."""

    account_id: AccountId
    session_id: SessionId
    digest: str
    expires_at: datetime


class EndSession(Command):
    """Sign out."""

    account_id: AccountId
    session_id: SessionId


class IssueApiToken(Command):
    """Make a token for a workspace; ``digest`` is its secret's SHA-256."""

    account_id: AccountId
    token_id: ApiTokenId
    tenant_id: TenantId
    name: str
    digest: str
    scope: Scope
    expires_at: datetime | None = None


class RevokeApiToken(Command):
    """Let a token work no more."""

    account_id: AccountId
    token_id: ApiTokenId


AccountCommand = RegisterAccount | StartSession | EndSession | IssueApiToken | RevokeApiToken


def decide(command: AccountCommand, state: Account) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case RegisterAccount():
            return _register(command, state)
        case StartSession():
            return _start(command, state)
        case EndSession():
            if command.session_id not in state.sessions:
                return []
            return [SessionEnded(account_id=command.account_id, session_id=command.session_id)]
        case IssueApiToken():
            return _issue(command, state)
        case RevokeApiToken():
            token = state.tokens.get(command.token_id)
            if token is None:
                raise NotFound("There is no such token.")
            return [ApiTokenRevoked(account_id=command.account_id, token_id=command.token_id, name=token)]


def _require(state: Account) -> None:
    if not state.registered:
        raise NotFound("There is no such account.")


def _register(command: RegisterAccount, state: Account) -> Sequence[Event]:
    if state.registered:
        return []
    wrong = None if EMAIL.fullmatch(command.email) else "must be an e-mail address such as you@example.com"
    check([("email", wrong or name(command.email, 254)), ("workspaceName", name(command.workspace_name))])
    return [
        AccountRegistered(
            account_id=command.account_id,
            email=command.email,
            workspace_id=command.workspace_id,
            workspace_name=command.workspace_name,
            operator=command.operator,
        )
    ]


def _start(command: StartSession, state: Account) -> Sequence[Event]:
    _require(state)
    if command.session_id in state.sessions:
        return []
    return [
        SessionStarted(
            account_id=command.account_id,
            session_id=command.session_id,
            digest=command.digest,
            expires_at=command.expires_at,
        )
    ]


def _issue(command: IssueApiToken, state: Account) -> Sequence[Event]:
    _require(state)
    if command.token_id in state.tokens:
        return []
    check([("name", name(command.name))])
    if len(state.tokens) >= MOST_TOKENS:
        raise Conflict(f"An account may have {MOST_TOKENS} tokens. Revoke one that is not used any more.")
    return [
        ApiTokenIssued(
            account_id=command.account_id,
            token_id=command.token_id,
            tenant_id=command.tenant_id,
            name=command.name,
            digest=command.digest,
            scope=command.scope,
            expires_at=command.expires_at,
        )
    ]


DECIDER = Decider(category="account", initial=Account(), decide=decide, evolve=evolve, crosses_tenants=True)
