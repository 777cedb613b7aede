"""Invitations into a workspace."""

from datetime import timedelta

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec.structs import replace

from adapters.http import sessions, tokens
from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import in_session
from adapters.http.native import words
from adapters.http.native.routes.workspaces import WORKSPACE
from adapters.http.native.wire.workspaces import (
    Acceptance,
    InvitationCreation,
    InvitationOut,
    NewInvitation,
    WorkspaceOut,
)
from adapters.http.paging import Asked, Listing
from commands.ports import SecretValue
from commands.workspace import Invite, WithdrawInvitation
from domain.identifiers import InvitationId
from projections import credentials

INVITATIONS = WORKSPACE + "/invitations"


@get(INVITATIONS)
async def list_invitations(call: NamedDependency[Call], asked: NamedDependency[Asked]) -> Listing[InvitationOut]:
    """List a workspace's open invitations, the latest first."""
    page = await credentials.invitations(call.reader, call.tenant, asked.paging)
    return call.listed(page, asked, lambda row: words.workspaces.invitation(row, call.context.at))


@post(INVITATIONS)
async def invite(data: JSONBody[InvitationCreation], call: NamedDependency[Call]) -> Answer[NewInvitation]:
    """Invite somebody.

    The token in this answer, which is shown never again, lets whoever has the address join once:
    `POST /invitations/accept`, or `POST /auth/register` for those without an account. Only an owner invites owners.
    """
    invitation_id, secret = InvitationId(call.new("invitation")), tokens.new_invitation()
    command = Invite(
        tenant_id=call.tenant,
        invitation_id=invitation_id,
        email=data.email,
        role=data.role,
        digest=tokens.digest(secret),
        at=call.context.at,
        expires_at=call.context.at + timedelta(days=data.expires_in_days),
        by=call.principal.account_id,
    )
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    row = existing(await credentials.open_invitation(call.reader, call.tenant, invitation_id), "invitation")
    token = None if call.replayed else secret.reveal
    return call.shown(1, words.workspaces.new_invitation(row, call.context.at, token), status=201)


@delete(INVITATIONS + "/{invitation_id:str}")
async def withdraw_invitation(invitation_id: FromPath[InvitationId], call: NamedDependency[Call]) -> None:
    """Withdraw an invitation: its token is worth nothing any more."""
    command = WithdrawInvitation(tenant_id=call.tenant, invitation_id=invitation_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


@post("/invitations/accept", guards=[in_session], status_code=200)
async def accept_invitation(data: JSONBody[Acceptance], call: NamedDependency[Call]) -> Answer[WorkspaceOut]:
    """Accept an invitation.

    My e-mail address must be the invited one. With a session only.
    """
    invitation = await sessions.invitation_of(call.parts, SecretValue(data.token))
    caller = call.principal
    context = replace(call.context, tenant_id=invitation.tenant_id)
    await call.perform(sessions.accept(call.parts, context, invitation, caller.account_id, caller.email, call.request))
    mine = await credentials.memberships(call.reader, caller.account_id)
    [joined] = [one for one in mine if one.tenant_id == invitation.tenant_id]
    return call.shown(1, words.workspaces.workspace(joined))


ROUTES = [list_invitations, invite, withdraw_invitation, accept_invitation]
