"""What may happen to an account's sessions and to a workspace's members, for legal histories."""

from collections.abc import Iterator
from datetime import UTC, datetime

from domain import identifiers as ids
from domain.account import (
    OperatorAppointed,
    OperatorDismissed,
    PasswordChanged,
    SessionRevoked,
    SessionsExpired,
    SessionStarted,
    SignInLocked,
)
from domain.fact import Fact
from domain.limits import Limits
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
    WorkspaceRenamed,
)

LATER = datetime(2026, 2, 1, tzinfo=UTC)


def of_account(account: ids.AccountId) -> Iterator[Fact]:
    """Sessions that end in each way, a lock-out, and a time as an operator."""
    first, second, third = (ids.SessionId(f"session {place} of {account}") for place in range(3))
    for one in (first, second, third):
        yield SessionStarted(account_id=account, session_id=one, digest=f"d1ge57 {one}", expires_at=LATER)
    yield SessionRevoked(account_id=account, session_id=first)
    yield PasswordChanged(account_id=account, version=2, ended=(second,))
    yield SessionsExpired(account_id=account, session_ids=(third,))
    yield SignInLocked(account_id=account, attempts=10, until=LATER, address="192.0.2.1")
    yield OperatorAppointed(account_id=account)
    yield OperatorDismissed(account_id=account)


def of_workspace(tenant: ids.TenantId) -> Iterator[Fact]:
    """Two are invited, join and go; a third is not waited for."""
    yield WorkspaceRenamed(tenant_id=tenant, name="Corner shop", former="Shop")
    yield LimitsSet(tenant_id=tenant, limits=Limits(projects=7))
    for end in (MemberRemoved, MemberLeft):
        account, invitation = ids.AccountId(f"{end.__name__} {tenant}"), ids.InvitationId(f"{end.__name__} {tenant}")
        yield _invited(tenant, invitation)
        yield InvitationAccepted(
            tenant_id=tenant, invitation_id=invitation, account_id=account, email="outsider@example.com"
        )
        yield MemberJoined(tenant_id=tenant, account_id=account, role=Role.VIEWER)
        yield RoleGiven(tenant_id=tenant, account_id=account, role=Role.ADMIN, former=Role.VIEWER)
        yield end(tenant_id=tenant, account_id=account, role=Role.ADMIN)
    late = ids.InvitationId(f"late {tenant}")
    yield _invited(tenant, late)
    yield InvitationWithdrawn(tenant_id=tenant, invitation_id=late, email="outsider@example.com")


def _invited(tenant: ids.TenantId, invitation: ids.InvitationId) -> InvitationMade:
    return InvitationMade(
        tenant_id=tenant,
        invitation_id=invitation,
        email="outsider@example.com",
        role=Role.VIEWER,
        digest=f"d1ge57 {invitation}",
        expires_at=LATER,
    )
