"""Accounts, their workspaces and their tokens."""

from collections.abc import Sequence

from msgspec.structs import asdict

from adapters.http.native.wire.accounts import Me, MembershipOut, NewToken, SessionOut, TokenOut
from adapters.uses import Use
from domain.account import Scope
from domain.identifiers import SessionId, TenantId
from projections.credentials import AccountRow, ListedToken, Membership, SessionRow


def me(account: AccountRow, workspaces: Sequence[Membership], scope: Scope, only: TenantId | None) -> Me:
    """The caller; ``only`` is the one workspace that a token reaches."""
    return Me(
        id=account.id,
        email=account.email,
        scope=scope,
        authenticated_by="token" if only else "session",
        memberships=[membership(one) for one in workspaces if only in {None, one.tenant_id}],
    )


def membership(found: Membership) -> MembershipOut:
    """A workspace of an account."""
    return MembershipOut(tenant_id=found.tenant_id, name=found.workspace, role=found.role)


def session(row: SessionRow, own: SessionId | None, use: Use | None) -> SessionOut:
    """A session, without its secret; ``own`` is the caller's."""
    return SessionOut(
        id=row.id,
        current=row.id == own,
        address=row.address,
        user_agent=row.user_agent,
        started_at=row.started_at,
        expires_at=row.expires_at,
        last_used_at=use.at if use else None,
        last_used_from=use.address if use else None,
    )


def token(row: ListedToken, use: Use | None = None) -> TokenOut:
    """A token, without its secret."""
    return TokenOut(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        scope=row.scope,
        project_ids=list(row.project_ids) or None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=use.at if use else None,
        last_used_from=use.address if use else None,
    )


def new_token(row: ListedToken, text: str | None) -> NewToken:
    """A token with its secret, this once."""
    return NewToken(**asdict(token(row)), token=text)
