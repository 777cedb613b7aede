"""People, sessions and tokens: what may be asked."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from commands.checks import check, name
from commands.command import Command
from commands.decider import Decider
from domain.account import (
    Account,
    AccountRegistered,
    ApiTokenIssued,
    ApiTokenRevoked,
    Event,
    OperatorAppointed,
    OperatorDismissed,
    PasswordChanged,
    Scope,
    SessionEnded,
    SessionRevoked,
    SessionsExpired,
    SessionStarted,
    SignInLocked,
    evolve,
)
from domain.identifiers import AccountId, ApiTokenId, ProjectId, SessionId, TenantId
from domain.rejection import Conflict, NotFound

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
MOST_TOKENS = 100
"""How many live tokens an account may have."""
MOST_SESSIONS = 100
"""How many sessions an account may have; one more ends the one that would expire first."""
MOST_PROJECTS = 50
"""How many projects a token that reaches only some may name."""
LIFETIME = timedelta(days=30)
"""How long a session lasts."""


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


class RevokeSession(Command):
    """End a session from elsewhere."""

    account_id: AccountId
    session_id: SessionId


class ChangePassword(Command):
    """Take another password, sealed as ``version``; every session ends but ``keep``."""

    account_id: AccountId
    version: int
    keep: SessionId | None = None


class LockSignIn(Command):
    """Look at no password until then, from ``address`` or, where it is None, from anywhere."""

    account_id: AccountId
    attempts: int
    until: datetime
    address: str | None


class AppointOperator(Command):
    """Let somebody look after the installation."""

    account_id: AccountId


class DismissOperator(Command):
    """Let somebody look after it no longer. Nobody dismisses themselves, so there is always an operator."""

    account_id: AccountId
    by: AccountId


class IssueApiToken(Command):
    """Make a token for a workspace, or for some of its projects; ``digest`` is its secret's SHA-256."""

    account_id: AccountId
    token_id: ApiTokenId
    tenant_id: TenantId
    name: str
    digest: str
    scope: Scope
    expires_at: datetime | None = None
    project_ids: tuple[ProjectId, ...] = ()


class RevokeApiToken(Command):
    """Let a token work no more."""

    account_id: AccountId
    token_id: ApiTokenId


class RevokeTokensOf(Command):
    """Let the account's tokens of one workspace work no more, because it is no member any more."""

    account_id: AccountId
    tenant_id: TenantId


AccountCommand = (
    RegisterAccount
    | StartSession
    | EndSession
    | RevokeSession
    | ChangePassword
    | LockSignIn
    | AppointOperator
    | DismissOperator
    | IssueApiToken
    | RevokeApiToken
    | RevokeTokensOf
)


def decide(command: AccountCommand, state: Account) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case RegisterAccount():
            return _register(command, state)
        case StartSession():
            return _start(command, state)
        case EndSession() | RevokeSession():
            return _end(command, state)
        case ChangePassword():
            return _change_password(command, state)
        case LockSignIn():
            return _lock(command, state)
        case AppointOperator() | DismissOperator():
            return _appoint(command, state)
        case IssueApiToken():
            return _issue(command, state)
        case RevokeApiToken() | RevokeTokensOf():
            return _revoke(command, state)


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
        *_ended_by_the_next(command, state),
        SessionStarted(
            account_id=command.account_id,
            session_id=command.session_id,
            digest=command.digest,
            expires_at=command.expires_at,
        ),
    ]


def _end(command: EndSession | RevokeSession, state: Account) -> Sequence[Event]:
    there = command.session_id in state.sessions
    if isinstance(command, EndSession):
        return [SessionEnded(account_id=command.account_id, session_id=command.session_id)] if there else []
    if not there:
        raise NotFound("There is no such session.")
    return [SessionRevoked(account_id=command.account_id, session_id=command.session_id)]


def _revoke(command: RevokeApiToken | RevokeTokensOf, state: Account) -> Sequence[Event]:
    if isinstance(command, RevokeTokensOf):
        revoked = {key: token for key, token in state.tokens.items() if token.tenant_id == command.tenant_id}
    elif token := state.tokens.get(command.token_id):
        revoked = {command.token_id: token}
    else:
        raise NotFound("There is no such token.")
    return [
        ApiTokenRevoked(account_id=command.account_id, token_id=key, name=token.name) for key, token in revoked.items()
    ]


def _ended_by_the_next(command: StartSession, state: Account) -> Sequence[Event]:
    """Those that had expired when this one begins, so that none stays for ever; one more where there are too many."""
    began = command.expires_at - LIFETIME
    expired = tuple(session for session, end in state.sessions.items() if end <= began)
    if expired:
        return [SessionsExpired(account_id=command.account_id, session_ids=expired)]
    if len(state.sessions) >= MOST_SESSIONS:
        first = min(state.sessions, key=lambda session: state.sessions[session])
        return [SessionRevoked(account_id=command.account_id, session_id=first)]
    return []


def _change_password(command: ChangePassword, state: Account) -> Sequence[Event]:
    _require(state)
    if command.version != state.password_version + 1:
        raise Conflict("The password was changed at the same moment from elsewhere. Sign in again.", code="busy")
    ended = tuple(session for session in state.sessions if session != command.keep)
    return [PasswordChanged(account_id=command.account_id, version=command.version, ended=ended)]


def _lock(command: LockSignIn, state: Account) -> Sequence[Event]:
    _require(state)
    return [
        SignInLocked(
            account_id=command.account_id, attempts=command.attempts, until=command.until, address=command.address
        )
    ]


def _appoint(command: AppointOperator | DismissOperator, state: Account) -> Sequence[Event]:
    _require(state)
    appointing = isinstance(command, AppointOperator)
    if state.operator == appointing:
        return []
    if appointing:
        return [OperatorAppointed(account_id=command.account_id)]
    if isinstance(command, DismissOperator) and command.by == command.account_id:
        raise Conflict("Nobody dismisses themselves: another operator has to.", code="last_operator")
    return [OperatorDismissed(account_id=command.account_id)]


def _issue(command: IssueApiToken, state: Account) -> Sequence[Event]:
    _require(state)
    if command.token_id in state.tokens:
        return []
    too_many = f"must name at most {MOST_PROJECTS} projects" if len(command.project_ids) > MOST_PROJECTS else None
    check([("name", name(command.name)), ("projectIds", too_many)])
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
            project_ids=command.project_ids,
        )
    ]


DECIDER = Decider(category="account", initial=Account(), decide=decide, evolve=evolve, crosses_tenants=True)
