"""Workspaces, members and invitations."""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import asdict

from adapters.http.native.wire.workspaces import InvitationOut, MemberOut, NewInvitation, OperatorOut, WorkspaceOut
from domain.identifiers import AccountId
from projections.credentials import AccountRow, InvitationRow, Membership, MembershipRow


def workspace(found: Membership) -> WorkspaceOut:
    """A workspace as its member sees it."""
    return WorkspaceOut(id=found.tenant_id, name=found.workspace, role=found.role)


def member(row: MembershipRow, emails: Mapping[AccountId, str]) -> MemberOut:
    """A member."""
    return MemberOut(
        account_id=row.account_id, email=emails.get(row.account_id, ""), role=row.role, joined_at=row.joined_at
    )


def invitation(row: InvitationRow, at: datetime) -> InvitationOut:
    """An invitation, without its token."""
    return InvitationOut(
        id=row.id,
        email=row.email,
        role=row.role,
        invited_by=row.invited_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        expired=row.expires_at <= at,
    )


def new_invitation(row: InvitationRow, at: datetime, token: str | None) -> NewInvitation:
    """An invitation with its token, this once."""
    return NewInvitation(**asdict(invitation(row, at)), token=token)


def operator(row: AccountRow) -> OperatorOut:
    """An account as operators see it."""
    return OperatorOut(id=row.id, email=row.email, operator=row.operator)
