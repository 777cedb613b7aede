"""A workspace and its owner."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from commands.workspace import (
    DECIDER,
    AcceptInvitation,
    CreateWorkspace,
    GiveRole,
    Invite,
    LeaveWorkspace,
    SetLimits,
)
from domain.identifiers import AccountId, InvitationId, TenantId
from domain.limits import Limits
from domain.rejection import Conflict, Forbidden, Invalid, NotFound
from domain.workspace import (
    InvitationAccepted,
    InvitationMade,
    InvitationWithdrawn,
    LimitsSet,
    MemberJoined,
    MemberLeft,
    Role,
    RoleGiven,
    WorkspaceCreated,
)
from tests.commands.specification import specification

given = specification(DECIDER)

CREATE = CreateWorkspace(tenant_id=TenantId("acme"), name="Acme", owner=AccountId("insider"))
CREATED = (
    WorkspaceCreated(tenant_id=TenantId("acme"), name="Acme"),
    MemberJoined(tenant_id=TenantId("acme"), account_id=AccountId("insider"), role=Role.OWNER),
)


def test_a_workspace_is_created_with_its_owner() -> None:
    given().when(CREATE).then(*CREATED)
    assert DECIDER.fold(CREATED).members == {AccountId("insider"): Role.OWNER}


def test_a_workspace_is_created_once() -> None:
    given(*CREATED).when(CREATE).then_nothing()


def test_a_workspace_needs_a_name() -> None:
    unnamed = CreateWorkspace(tenant_id=TenantId("acme"), name=" ", owner=AccountId("insider"))
    given().when(unnamed).then_refused(Invalid, field="workspaceName")


OWNER, GUEST, LATER = AccountId("insider"), AccountId("outsider"), datetime(2030, 1, 1, tzinfo=UTC)
INVITE = Invite(
    tenant_id=TenantId("acme"),
    invitation_id=InvitationId("i1"),
    email="Outsider@example.com",
    role=Role.ADMIN,
    digest="d",
    at=LATER - timedelta(days=7),
    expires_at=LATER,
    by=OWNER,
)
INVITED = InvitationMade(
    tenant_id=TenantId("acme"),
    invitation_id=InvitationId("i1"),
    email="Outsider@example.com",
    role=Role.ADMIN,
    digest="d",
    expires_at=LATER,
)
ACCEPT = AcceptInvitation(
    tenant_id=TenantId("acme"),
    invitation_id=InvitationId("i1"),
    account_id=GUEST,
    email="outsider@EXAMPLE.com",
    digest="d",
    at=LATER - timedelta(days=1),
)
ACCEPTED = InvitationAccepted(
    tenant_id=TenantId("acme"), invitation_id=InvitationId("i1"), account_id=GUEST, email="Outsider@example.com"
)
JOINED = MemberJoined(tenant_id=TenantId("acme"), account_id=GUEST, role=Role.ADMIN)


def test_an_invitation_is_accepted_once_by_whom_it_is_for_in_time() -> None:
    given(*CREATED).when(INVITE).then(INVITED)
    given(*CREATED, INVITED).when(ACCEPT).then(ACCEPTED, JOINED)
    given(*CREATED, INVITED, ACCEPTED, JOINED).when(ACCEPT).then_refused(NotFound)
    given(*CREATED, INVITED).when(replace(ACCEPT, digest="other")).then_refused(NotFound)
    given(*CREATED, INVITED).when(replace(ACCEPT, at=LATER)).then_refused(Conflict, "invitation_expired")
    given(*CREATED, INVITED).when(replace(ACCEPT, email="else@example.com")).then_refused(Forbidden, "other_address")
    given(*CREATED).when(ACCEPT).then_refused(NotFound)


def test_an_expired_invitation_makes_room_when_the_next_one_is_made() -> None:
    late = replace(INVITE, invitation_id=InvitationId("i2"), at=LATER, expires_at=LATER + timedelta(days=1))
    gone = InvitationWithdrawn(
        tenant_id=TenantId("acme"), invitation_id=InvitationId("i1"), email="Outsider@example.com"
    )
    made = replace(INVITED, invitation_id=InvitationId("i2"), expires_at=late.expires_at)
    given(*CREATED, INVITED).when(late).then(gone, made)


def test_an_admin_invites_everybody_but_owners() -> None:
    wanted = replace(INVITE, invitation_id=InvitationId("i2"), by=GUEST)
    given(*CREATED, JOINED).when(replace(wanted, role=Role.OWNER)).then_refused(Forbidden, "role_too_small")
    given(*CREATED, JOINED).when(wanted).then(replace(INVITED, invitation_id=InvitationId("i2")))
    given(*CREATED).when(replace(INVITE, role=Role.MEMBER)).then_refused(Invalid, field="role")


def test_the_last_owner_stays() -> None:
    leave = LeaveWorkspace(tenant_id=TenantId("acme"), account_id=OWNER)
    given(*CREATED, JOINED).when(leave).then_refused(Conflict, "last_owner")
    second = RoleGiven(tenant_id=TenantId("acme"), account_id=GUEST, role=Role.OWNER, former=Role.ADMIN)
    left = MemberLeft(tenant_id=TenantId("acme"), account_id=OWNER, role=Role.OWNER)
    given(*CREATED, JOINED, second).when(leave).then(left)
    demote = GiveRole(tenant_id=TenantId("acme"), account_id=OWNER, role=Role.VIEWER, by=OWNER)
    given(*CREATED, JOINED).when(demote).then_refused(Conflict, "last_owner")


def test_limits_are_numbers_that_can_be() -> None:
    wanted = SetLimits(tenant_id=TenantId("acme"), limits=Limits(projects=3))
    given(*CREATED).when(wanted).then(LimitsSet(tenant_id=TenantId("acme"), limits=Limits(projects=3)))
    wrong = SetLimits(tenant_id=TenantId("acme"), limits=Limits(deployments_per_day=-1))
    given(*CREATED).when(wrong).then_refused(Invalid, field="deploymentsPerDay")
    given().when(wanted).then_refused(NotFound)
