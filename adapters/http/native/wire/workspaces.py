"""Workspaces, their members, invitations and limits, and operators."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from adapters.http.native.wire.accounts import Email
from adapters.http.native.wire.shapes import In, Out, said
from domain.identifiers import AccountId, InvitationId, TenantId
from domain.workspace import Role

WorkspaceName = Annotated[str, said("1 to 100 characters.", "Corner shop")]


class WorkspaceCreation(In):
    """Make a workspace."""

    name: WorkspaceName


class WorkspacePatch(In):
    """Rename a workspace."""

    name: WorkspaceName


class WorkspaceOut(Out):
    """A workspace of the caller's. ``id`` is the ``tenant_id`` of the other paths."""

    id: TenantId
    name: str
    role: Annotated[Role, said("What the caller is there.")]


class Leaving(In):
    """Leave a workspace."""

    reason: Annotated[str | None, said("Why; it stands in the audit trail.")] = None


class MemberOut(Out):
    """Who may work in the workspace."""

    account_id: AccountId
    email: str
    role: Role
    joined_at: datetime


class MemberPatch(In):
    """Give a member another role."""

    role: Annotated[Role, said("owner, admin, developer or viewer", "developer")]
    reason: Annotated[str | None, said("Why; it stands in the audit trail.")] = None


class InvitationCreation(In):
    """Invite somebody."""

    email: Email
    role: Annotated[Role, said("owner, admin, developer or viewer", "developer")] = Role.DEVELOPER
    expires_in_days: Annotated[int, Meta(ge=1, le=90, description="How long it can be accepted.")] = 7


class InvitationOut(Out):
    """An invitation that nobody has accepted."""

    id: InvitationId
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    expired: bool


class NewInvitation(InvitationOut):
    """An invitation that was just made; ``token`` is shown this once, and null when the request is repeated."""

    token: Annotated[str | None, said("Give it to whom you invite; it works once.", "shinv_…")]


class Acceptance(In):
    """Accept an invitation."""

    token: Annotated[str, said("The invitation's token.", "shinv_…")]


class OperatorChange(In):
    """Make somebody an operator, or one no more."""

    operator: bool
    reason: Annotated[str | None, said("Why; it stands in the audit trail.")] = None


class OperatorOut(Out):
    """An account, as operators see it."""

    id: AccountId
    email: str
    operator: bool


Number = Annotated[int, Meta(ge=0, le=1_000_000)]


class LimitsIn(In):
    """All limits of a workspace; what is left out or null is as the installation has it, and 0 forbids the thing."""

    deployments_per_day: Number | None = None
    builds_at_once: Number | None = None
    projects: Number | None = None
    secrets: Number | None = None
    log_mb_per_day: Number | None = None
    requests_per_minute: Number | None = None
    reason: Annotated[str | None, said("Why; it stands in the audit trail.")] = None


class LimitOut(Out):
    """One limit and its use."""

    limit: Annotated[int | None, said("null: as many as you like; 0: none at all.")]
    own: Annotated[bool, said("Whether an operator set it for this workspace.")]
    used: Annotated[int | None, said("null where it is not counted.")]
    resets_at: Annotated[datetime | None, said("When the use begins at 0 again.")]


class LimitsOut(Out):
    """What a workspace may use, and what it uses."""

    deployments_per_day: LimitOut
    builds_at_once: LimitOut
    projects: LimitOut
    secrets: LimitOut
    log_mb_per_day: LimitOut
    requests_per_minute: LimitOut
