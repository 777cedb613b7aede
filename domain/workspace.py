"""One customer's walls. A workspace's id is the ``tenant_id`` of everything inside."""

from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import AccountId, InvitationId, TenantId
from domain.limits import Limits


class Role(StrEnum):
    """What a member is in a workspace; ``domain.access`` says what each may do."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"
    MEMBER = "member"
    """What old facts call a developer."""


class WorkspaceCreated(Fact, tag="workspace.created"):
    """A workspace came to be. ``slot`` is its place among those that ``founder`` made, from 1."""

    tenant_id: TenantId
    name: str
    founder: AccountId | None = None
    slot: int | None = None


class WorkspaceRenamed(Fact, tag="workspace.renamed"):
    """The workspace has another name."""

    tenant_id: TenantId
    name: str
    former: str


class MemberJoined(Fact, tag="workspace.member-joined"):
    """An account may work in the workspace."""

    tenant_id: TenantId
    account_id: AccountId
    role: Role


class RoleGiven(Fact, tag="workspace.role-given"):
    """A member has another role."""

    tenant_id: TenantId
    account_id: AccountId
    role: Role
    former: Role


class MemberRemoved(Fact, tag="workspace.member-removed"):
    """An account may no longer work in the workspace."""

    tenant_id: TenantId
    account_id: AccountId
    role: Role


class MemberLeft(Fact, tag="workspace.member-left"):
    """An account gave up working in the workspace."""

    tenant_id: TenantId
    account_id: AccountId
    role: Role


class InvitationMade(Fact, tag="workspace.invitation-made"):
    """Whoever has this address and the invitation's token may join; of the token the SHA-256 is kept."""

    tenant_id: TenantId
    invitation_id: InvitationId
    email: str
    role: Role
    digest: str
    expires_at: datetime


class InvitationWithdrawn(Fact, tag="workspace.invitation-withdrawn"):
    """The invitation's token is worth nothing any more."""

    tenant_id: TenantId
    invitation_id: InvitationId
    email: str


class InvitationAccepted(Fact, tag="workspace.invitation-accepted"):
    """Somebody used the invitation's token, which nobody can do again."""

    tenant_id: TenantId
    invitation_id: InvitationId
    account_id: AccountId
    email: str


class LimitsSet(Fact, tag="workspace.limits-set"):
    """An operator said how much the workspace may use."""

    tenant_id: TenantId
    limits: Limits


Event = (
    WorkspaceCreated
    | WorkspaceRenamed
    | MemberJoined
    | RoleGiven
    | MemberRemoved
    | MemberLeft
    | InvitationMade
    | InvitationWithdrawn
    | InvitationAccepted
    | LimitsSet
)


class Workspace(Value):
    """What later decisions need of a workspace."""

    created: bool = False
    name: str = ""
    members: dict[AccountId, Role] = {}
    invitations: dict[InvitationId, InvitationMade] = {}
    """Those that nobody used or withdrew, expired ones among them."""
    limits: Limits = Limits()


def evolve(state: Workspace, fact: Event) -> Workspace:
    """The workspace after ``fact``."""
    match fact:
        case WorkspaceCreated():
            return replace(state, created=True, name=fact.name)
        case WorkspaceRenamed():
            return replace(state, name=fact.name)
        case MemberJoined() | RoleGiven():
            return replace(state, members={**state.members, fact.account_id: fact.role})
        case MemberRemoved() | MemberLeft():
            return replace(state, members={key: role for key, role in state.members.items() if key != fact.account_id})
        case InvitationMade():
            return replace(state, invitations={**state.invitations, fact.invitation_id: fact})
        case InvitationWithdrawn() | InvitationAccepted():
            left = {key: one for key, one in state.invitations.items() if key != fact.invitation_id}
            return replace(state, invitations=left)
        case LimitsSet():
            return replace(state, limits=fact.limits)
