"""Workspaces, their members and invitations: what may be asked."""

from collections.abc import Sequence
from datetime import datetime

from commands.account import EMAIL
from commands.checks import between, check, name
from commands.command import Command
from commands.decider import Decider
from domain.access import OF_ROLE, Access
from domain.identifiers import AccountId, InvitationId, TenantId
from domain.limits import Limits
from domain.rejection import Conflict, Forbidden, NotFound
from domain.workspace import (
    Event,
    InvitationAccepted,
    InvitationMade,
    InvitationWithdrawn,
    LimitsSet,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    Role,
    RoleGiven,
    Workspace,
    WorkspaceCreated,
    WorkspaceRenamed,
    evolve,
)

MOST_MEMBERS = 500
"""How many members and open invitations a workspace may have."""
LARGEST_LIMIT = 1_000_000


class CreateWorkspace(Command):
    """Make a workspace with its owner. ``slot`` is its place among those that its owner founds."""

    tenant_id: TenantId
    name: str
    owner: AccountId
    slot: int | None = None


class RenameWorkspace(Command):
    """Give the workspace another name."""

    tenant_id: TenantId
    name: str


class GiveRole(Command):
    """Give a member another role. Only an owner makes or unmakes owners."""

    tenant_id: TenantId
    account_id: AccountId
    role: Role
    by: AccountId


class RemoveMember(Command):
    """Take somebody out. Only an owner takes out an owner."""

    tenant_id: TenantId
    account_id: AccountId
    by: AccountId


class LeaveWorkspace(Command):
    """Go by oneself."""

    tenant_id: TenantId
    account_id: AccountId


class Invite(Command):
    """Let whoever has this address join, once, with a token whose SHA-256 is ``digest``."""

    tenant_id: TenantId
    invitation_id: InvitationId
    email: str
    role: Role
    digest: str
    at: datetime
    expires_at: datetime
    by: AccountId


class WithdrawInvitation(Command):
    """Let nobody join by it any more."""

    tenant_id: TenantId
    invitation_id: InvitationId


class AcceptInvitation(Command):
    """Join by an invitation: the token must be its own, and the account's address the invited one."""

    tenant_id: TenantId
    invitation_id: InvitationId
    account_id: AccountId
    email: str
    digest: str
    at: datetime


class SetLimits(Command):
    """Say how much the workspace may use; what is None is as the installation has it."""

    tenant_id: TenantId
    limits: Limits


WorkspaceCommand = (
    CreateWorkspace
    | RenameWorkspace
    | GiveRole
    | RemoveMember
    | LeaveWorkspace
    | Invite
    | WithdrawInvitation
    | AcceptInvitation
    | SetLimits
)


def decide(command: WorkspaceCommand, state: Workspace) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    if isinstance(command, CreateWorkspace):
        return _create(command, state)
    if not state.created:
        raise NotFound("There is no such workspace.")
    match command:
        case RenameWorkspace():
            check([("name", name(command.name))])
            if command.name == state.name:
                return []
            return [WorkspaceRenamed(tenant_id=command.tenant_id, name=command.name, former=state.name)]
        case GiveRole():
            return _give_role(command, state)
        case RemoveMember():
            return _remove(command, state)
        case LeaveWorkspace():
            return _leave(command, state)
        case Invite():
            return _invite(command, state)
        case WithdrawInvitation():
            made = _open(state, command.invitation_id)
            return [
                InvitationWithdrawn(tenant_id=command.tenant_id, invitation_id=command.invitation_id, email=made.email)
            ]
        case AcceptInvitation():
            return _accept(command, state)
        case SetLimits():
            return _set_limits(command, state)


def _create(command: CreateWorkspace, state: Workspace) -> Sequence[Event]:
    if state.created:
        return []
    check([("workspaceName" if command.slot is None else "name", name(command.name))])
    founder = None if command.slot is None else command.owner
    return [
        WorkspaceCreated(tenant_id=command.tenant_id, name=command.name, founder=founder, slot=command.slot),
        MemberJoined(tenant_id=command.tenant_id, account_id=command.owner, role=Role.OWNER),
    ]


def _give_role(command: GiveRole, state: Workspace) -> Sequence[Event]:
    former = _role_of(state, command.account_id)
    check([("role", _given(command.role))])
    _require_giving(state, command.by, command.role, former)
    if former is command.role:
        return []
    _require_another_owner(state, command.account_id)
    return [RoleGiven(tenant_id=command.tenant_id, account_id=command.account_id, role=command.role, former=former)]


def _remove(command: RemoveMember, state: Workspace) -> Sequence[Event]:
    role = _role_of(state, command.account_id)
    _require_giving(state, command.by, role)
    _require_another_owner(state, command.account_id)
    return [MemberRemoved(tenant_id=command.tenant_id, account_id=command.account_id, role=role)]


def _leave(command: LeaveWorkspace, state: Workspace) -> Sequence[Event]:
    role = _role_of(state, command.account_id)
    _require_another_owner(state, command.account_id)
    return [MemberLeft(tenant_id=command.tenant_id, account_id=command.account_id, role=role)]


def _role_of(state: Workspace, account: AccountId) -> Role:
    role = state.members.get(account)
    if role is None:
        raise NotFound("There is no such member.")
    return role


def _require_giving(state: Workspace, by: AccountId, *roles: Role) -> None:
    """Owners give and take every role, admins those that are no owner's."""
    own = state.members.get(by, Role.VIEWER)
    if OF_ROLE[own] < Access.ADMIN or (Role.OWNER in roles and own is not Role.OWNER):
        raise Forbidden("Only an owner of the workspace makes, changes or removes owners.", code="role_too_small")


def _require_another_owner(state: Workspace, account: AccountId) -> None:
    if [member for member, role in state.members.items() if role is Role.OWNER] == [account]:
        raise Conflict("A workspace needs an owner. Make somebody else one first.", code="last_owner")


def _invite(command: Invite, state: Workspace) -> Sequence[Event]:
    if command.invitation_id in state.invitations:
        return []
    _require_giving(state, command.by, command.role)
    wrong = None if EMAIL.fullmatch(command.email) else "must be an e-mail address such as you@example.com"
    check([("email", wrong or name(command.email, 254)), ("role", _given(command.role))])
    expired = [made for made in state.invitations.values() if made.expires_at <= command.at]
    if len(state.members) + len(state.invitations) - len(expired) >= MOST_MEMBERS:
        raise Conflict(f"A workspace may have {MOST_MEMBERS} members and invitations.", code="too_many_members")
    return [
        *(
            InvitationWithdrawn(tenant_id=command.tenant_id, invitation_id=made.invitation_id, email=made.email)
            for made in expired
        ),
        InvitationMade(
            tenant_id=command.tenant_id,
            invitation_id=command.invitation_id,
            email=command.email,
            role=command.role,
            digest=command.digest,
            expires_at=command.expires_at,
        ),
    ]


def _given(role: Role) -> str | None:
    return "must be owner, admin, developer or viewer" if role is Role.MEMBER else None


def _open(state: Workspace, invitation: InvitationId) -> InvitationMade:
    made = state.invitations.get(invitation)
    if made is None:
        raise NotFound("There is no such invitation, or it was used already. Ask for another one.")
    return made


def _accept(command: AcceptInvitation, state: Workspace) -> Sequence[Event]:
    made = _open(state, command.invitation_id)
    if made.digest != command.digest:
        raise NotFound("There is no such invitation, or it was used already. Ask for another one.")
    if made.expires_at <= command.at:
        raise Conflict("The invitation has expired. Ask for another one.", code="invitation_expired")
    if made.email.casefold() != command.email.casefold():
        raise Forbidden(
            f"The invitation is for {made.email}. Sign in or register with that address.", code="other_address"
        )
    if command.account_id in state.members:
        raise Conflict("You are a member of this workspace already.", code="member_already")
    return [
        InvitationAccepted(
            tenant_id=command.tenant_id,
            invitation_id=command.invitation_id,
            account_id=command.account_id,
            email=made.email,
        ),
        MemberJoined(tenant_id=command.tenant_id, account_id=command.account_id, role=made.role),
    ]


def _set_limits(command: SetLimits, state: Workspace) -> Sequence[Event]:
    wanted = command.limits
    check((_outside(field), between(getattr(wanted, field), 0, LARGEST_LIMIT)) for field in wanted.__struct_fields__)
    return [] if wanted == state.limits else [LimitsSet(tenant_id=command.tenant_id, limits=wanted)]


def _outside(field: str) -> str:
    first, *others = field.split("_")
    return first + "".join(map(str.capitalize, others))


DECIDER = Decider(category="workspace", initial=Workspace(), decide=decide, evolve=evolve)
