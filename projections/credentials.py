"""Who may come in: accounts with their workspaces, sessions and API tokens.

Sessions and tokens are looked up by the SHA-256 digest of what the caller shows; the digests leave this model in no
answer (``ListedToken``).
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.account import (
    AccountRegistered,
    ApiTokenIssued,
    ApiTokenRevoked,
    OperatorAppointed,
    OperatorDismissed,
    PasswordChanged,
    Scope,
    SessionEnded,
    SessionRevoked,
    SessionsExpired,
    SessionStarted,
)
from domain.account import Event as AccountEvent
from domain.fact import Value
from domain.history import Recorded
from domain.identifiers import AccountId, ApiTokenId, InvitationId, ProjectId, SessionId, TenantId
from domain.limits import Limits
from domain.workspace import Event as WorkspaceEvent
from domain.workspace import (
    InvitationAccepted,
    InvitationMade,
    InvitationWithdrawn,
    LimitsSet,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    Role,
    RoleGiven,
    WorkspaceCreated,
    WorkspaceRenamed,
)
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import Page, Paging, Reader, Selection, every


class AccountRow(Row):
    """A person. ``login`` is the e-mail address in the form in which it is unique, whatever the case."""

    id: AccountId
    email: str
    login: str
    operator: bool
    password_version: int
    created_at: datetime


class WorkspaceRow(Row):
    """A workspace's name, and the limits that are its own."""

    id: TenantId
    name: str
    created_at: datetime
    limits: Limits = Limits()


class MembershipRow(Row):
    """An account may work in a workspace."""

    account_id: AccountId
    tenant_id: TenantId
    role: Role
    joined_at: datetime


class SessionRow(Row):
    """A browser or a command line that is signed in. ``digest`` is the SHA-256 of its secret."""

    id: SessionId
    digest: str
    account_id: AccountId
    started_at: datetime
    expires_at: datetime
    address: str | None = None
    user_agent: str | None = None


class InvitationRow(Row):
    """Somebody may join by it. ``digest`` is the SHA-256 of its token."""

    id: InvitationId
    digest: str
    tenant_id: TenantId
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime


class TokenRow(Row):
    """An API token. ``digest`` is the SHA-256 of its secret."""

    id: ApiTokenId
    digest: str
    account_id: AccountId
    tenant_id: TenantId
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    project_ids: tuple[ProjectId, ...] = ()
    revoked_at: datetime | None = None


class ListedToken(Value):
    """An API token as its owner sees it: without the digest."""

    id: ApiTokenId
    tenant_id: TenantId
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    project_ids: tuple[ProjectId, ...]
    revoked_at: datetime | None


class Membership(Value):
    """A workspace as its member sees it."""

    tenant_id: TenantId
    workspace: str
    role: Role


ACCOUNTS = Table("accounts", AccountRow, key=("id",), indexes=(("login",),))
WORKSPACES = Table("workspaces", WorkspaceRow, key=("id",))
MEMBERSHIPS = Table(
    "memberships",
    MembershipRow,
    key=("account_id", "tenant_id"),
    indexes=(("tenant_id", "joined_at"), ("account_id", "joined_at")),
)
SESSIONS = Table("sessions", SessionRow, key=("id",), indexes=(("digest",), ("account_id", "started_at")))
INVITATIONS = Table("invitations", InvitationRow, key=("id",), indexes=(("digest",), ("tenant_id", "created_at")))
TOKENS = Table("tokens", TokenRow, key=("id",), indexes=(("digest",), ("account_id", "created_at")))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the tables of accounts, workspaces, memberships, sessions, invitations and tokens."""
    if isinstance(recorded.fact, WorkspaceEvent):
        return _of_workspace(recorded.fact, recorded)
    return _of_account(recorded)


def _of_account(recorded: Recorded) -> Sequence[Change]:
    at = recorded.context.at
    match recorded.fact:
        case AccountRegistered() as fact:
            return [Put(ACCOUNTS, _account(fact, at))]
        case SessionStarted() as fact:
            return [Put(SESSIONS, _session(fact, recorded))]
        case SessionEnded() | SessionRevoked() as fact:
            return [Remove(SESSIONS, fact.session_id)]
        case SessionsExpired() as fact:
            return [Remove(SESSIONS, session) for session in fact.session_ids]
        case PasswordChanged() as fact:
            ended = [Remove(SESSIONS, session) for session in fact.ended]
            return [Patch(ACCOUNTS, fact.account_id, {"password_version": fact.version}), *ended]
        case OperatorAppointed() | OperatorDismissed() as fact:
            return [Patch(ACCOUNTS, fact.account_id, {"operator": isinstance(fact, OperatorAppointed)})]
        case ApiTokenIssued() as fact:
            return [Put(TOKENS, _token(fact, at))]
        case ApiTokenRevoked() as fact:
            return [Patch(TOKENS, fact.token_id, {"revoked_at": at})]
        case _:
            return []


def _of_workspace(happened: WorkspaceEvent, recorded: Recorded) -> Sequence[Change]:
    at = recorded.context.at
    match happened:
        case WorkspaceCreated() as fact:
            return [Put(WORKSPACES, WorkspaceRow(id=fact.tenant_id, name=fact.name, created_at=at))]
        case WorkspaceRenamed() as fact:
            return [Patch(WORKSPACES, fact.tenant_id, {"name": fact.name})]
        case LimitsSet() as fact:
            return [Patch(WORKSPACES, fact.tenant_id, {"limits": fact.limits})]
        case MemberJoined() as fact:
            return [Put(MEMBERSHIPS, _membership(fact, at))]
        case RoleGiven() as fact:
            return [Patch(MEMBERSHIPS, (fact.account_id, fact.tenant_id), {"role": fact.role})]
        case MemberRemoved() | MemberLeft() as fact:
            return [Remove(MEMBERSHIPS, (fact.account_id, fact.tenant_id))]
        case InvitationMade() as fact:
            return [Put(INVITATIONS, _invitation(fact, recorded))]
        case InvitationWithdrawn() | InvitationAccepted() as fact:
            return [Remove(INVITATIONS, fact.invitation_id)]


def _account(fact: AccountRegistered, at: datetime) -> AccountRow:
    return AccountRow(
        id=fact.account_id,
        email=fact.email,
        login=fact.email.casefold(),
        operator=fact.operator,
        password_version=fact.password_version,
        created_at=at,
    )


def _membership(fact: MemberJoined, at: datetime) -> MembershipRow:
    return MembershipRow(account_id=fact.account_id, tenant_id=fact.tenant_id, role=fact.role, joined_at=at)


def _session(fact: SessionStarted, recorded: Recorded) -> SessionRow:
    return SessionRow(
        id=fact.session_id,
        digest=fact.digest,
        account_id=fact.account_id,
        started_at=recorded.context.at,
        expires_at=fact.expires_at,
        address=recorded.context.actor.address,
        user_agent=recorded.context.actor.user_agent,
    )


def _invitation(fact: InvitationMade, recorded: Recorded) -> InvitationRow:
    return InvitationRow(
        id=fact.invitation_id,
        digest=fact.digest,
        tenant_id=fact.tenant_id,
        email=fact.email,
        role=fact.role,
        invited_by=recorded.context.actor.name,
        created_at=recorded.context.at,
        expires_at=fact.expires_at,
    )


def _token(fact: ApiTokenIssued, at: datetime) -> TokenRow:
    return TokenRow(
        id=fact.token_id,
        digest=fact.digest,
        account_id=fact.account_id,
        tenant_id=fact.tenant_id,
        name=fact.name,
        scope=fact.scope,
        created_at=at,
        expires_at=fact.expires_at,
        project_ids=fact.project_ids,
    )


MODEL = ReadModel(
    "credentials",
    [ACCOUNTS, WORKSPACES, MEMBERSHIPS, SESSIONS, INVITATIONS, TOKENS],
    project,
    AccountEvent | WorkspaceEvent,
)


async def account(reader: Reader, account_id: AccountId) -> AccountRow | None:
    """One account."""
    return await reader.one(ACCOUNTS, {"id": account_id})


async def account_by_email(reader: Reader, email: str) -> AccountRow | None:
    """The account with this e-mail address, whatever its case."""
    return await reader.one(ACCOUNTS, {"login": email.casefold()})


async def memberships(reader: Reader, account_id: AccountId) -> list[Membership]:
    """The workspaces of an account, the first joined first."""
    rows = await every(reader, MEMBERSHIPS, Selection(equal={"account_id": account_id}, order_by="joined_at"))
    found = await every(reader, WORKSPACES, Selection(equal={"id": tuple(row.tenant_id for row in rows)}))
    names = {row.id: row.name for row in found}
    return [Membership(tenant_id=row.tenant_id, workspace=names.get(row.tenant_id, ""), role=row.role) for row in rows]


async def membership(reader: Reader, account_id: AccountId, tenant: TenantId) -> MembershipRow | None:
    """What the account may do in the workspace; None where it is no member."""
    return await reader.one(MEMBERSHIPS, {"account_id": account_id, "tenant_id": tenant})


async def session(reader: Reader, digest: str) -> SessionRow | None:
    """The session with this digest, which may have expired."""
    return await reader.one(SESSIONS, {"digest": digest})


async def token(reader: Reader, digest: str) -> TokenRow | None:
    """The token with this digest, which may have expired or been revoked."""
    return await reader.one(TOKENS, {"digest": digest})


async def tokens(reader: Reader, account_id: AccountId) -> list[ListedToken]:
    """An account's tokens that were not revoked, the oldest first, without their digests."""
    equal = {"account_id": account_id, "revoked_at": None}
    rows = await every(reader, TOKENS, Selection(equal=equal, order_by="created_at"))
    return [msgspec.convert(row, ListedToken, from_attributes=True) for row in rows]


async def sessions(reader: Reader, account_id: AccountId) -> list[SessionRow]:
    """An account's sessions that nobody ended, the latest first; some may have expired."""
    return await every(
        reader, SESSIONS, Selection(equal={"account_id": account_id}, order_by="started_at", descending=True)
    )


async def workspace(reader: Reader, tenant: TenantId) -> WorkspaceRow | None:
    """One workspace."""
    return await reader.one(WORKSPACES, {"id": tenant})


async def members(reader: Reader, tenant: TenantId, paging: Paging) -> tuple[Page[MembershipRow], dict[AccountId, str]]:
    """A page of a workspace's members, the first joined first, and their e-mail addresses."""
    page = await reader.select(MEMBERSHIPS, Selection(equal={"tenant_id": tenant}, order_by="joined_at"), paging)
    found = await every(reader, ACCOUNTS, Selection(equal={"id": tuple(row.account_id for row in page.rows)}))
    return page, {row.id: row.email for row in found}


async def invitations(reader: Reader, tenant: TenantId, paging: Paging) -> Page[InvitationRow]:
    """A page of a workspace's open invitations, the latest first; some may have expired."""
    return await reader.select(
        INVITATIONS, Selection(equal={"tenant_id": tenant}, order_by="created_at", descending=True), paging
    )


async def invitation(reader: Reader, digest: str) -> InvitationRow | None:
    """The open invitation with this digest, which may have expired."""
    return await reader.one(INVITATIONS, {"digest": digest})


async def open_invitation(reader: Reader, tenant: TenantId, invitation_id: InvitationId) -> InvitationRow | None:
    """One open invitation of a workspace."""
    return await reader.one(INVITATIONS, {"id": invitation_id, "tenant_id": tenant})
