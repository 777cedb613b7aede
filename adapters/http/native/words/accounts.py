"""Accounts, their workspaces and their tokens."""

from collections.abc import Sequence

from msgspec.structs import asdict

from adapters.http.native.wire.accounts import Me, MembershipOut, NewToken, TokenOut
from domain.account import Scope
from domain.identifiers import TenantId
from projections.credentials import AccountRow, ListedToken, Membership


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


def token(row: ListedToken) -> TokenOut:
    """A token, without its secret."""
    return TokenOut(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        scope=row.scope,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def new_token(row: ListedToken, text: str | None) -> NewToken:
    """A token with its secret, this once."""
    return NewToken(**asdict(token(row)), token=text)
