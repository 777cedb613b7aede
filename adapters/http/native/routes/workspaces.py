"""Workspaces and their members."""

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec.structs import replace

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS, in_session
from adapters.http.native import words
from adapters.http.native.wire.workspaces import (
    Leaving,
    MemberOut,
    MemberPatch,
    WorkspaceCreation,
    WorkspaceOut,
    WorkspacePatch,
)
from adapters.http.paging import Asked, Listing
from commands.founding import found_workspace
from commands.workspace import GiveRole, LeaveWorkspace, RemoveMember, RenameWorkspace
from domain.access import Access
from domain.identifiers import AccountId, TenantId
from projections import credentials

WORKSPACE = "/tenants/{tenant_id:str}"
MEMBERS = WORKSPACE + "/members"
MEMBER = MEMBERS + "/{account_id:str}"


@get("/tenants")
async def list_workspaces(call: NamedDependency[Call]) -> Listing[WorkspaceOut]:
    """List my workspaces, the first joined first; a token sees its own one."""
    found = await credentials.memberships(call.reader, call.principal.account_id)
    only = call.principal.tenant_id
    return Listing(
        items=[words.workspaces.workspace(one) for one in found if only in {None, one.tenant_id}], next_cursor=None
    )


@post("/tenants", guards=[in_session])
async def create_workspace(data: JSONBody[WorkspaceCreation], call: NamedDependency[Call]) -> Answer[WorkspaceOut]:
    """Make another workspace, whose owner I am.

    With a session only.
    """
    tenant = TenantId(call.new("workspace"))
    await call.perform(
        found_workspace(
            call.handler,
            replace(call.context, tenant_id=tenant),
            owner=call.principal.account_id,
            name=data.name,
            most=call.parts.settings.limit_workspaces,
            request=call.request,
        )
    )
    return await _shown(call, tenant, status=201)


@get(WORKSPACE)
async def show_workspace(call: NamedDependency[Call]) -> Answer[WorkspaceOut]:
    """Show a workspace, and what I am there."""
    return await _shown(call, call.tenant)


@patch(WORKSPACE)
async def rename_workspace(data: JSONBody[WorkspacePatch], call: NamedDependency[Call]) -> Answer[WorkspaceOut]:
    """Rename a workspace."""
    command = RenameWorkspace(tenant_id=call.tenant, name=data.name)
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    return await _shown(call, call.tenant)


@post(WORKSPACE + "/leave", opt={NEEDS: Access.READ}, guards=[in_session], status_code=204)
async def leave_workspace(data: JSONBody[Leaving], call: NamedDependency[Call]) -> None:
    """Leave a workspace.

    Its last owner cannot. My tokens for it stop working. With a session only.
    """
    command = LeaveWorkspace(tenant_id=call.tenant, account_id=call.principal.account_id)
    await call.perform(call.handler.handle(command, call.because(data.reason), request=call.request))


@get(MEMBERS)
async def list_members(call: NamedDependency[Call], asked: NamedDependency[Asked]) -> Listing[MemberOut]:
    """List a workspace's members and their roles."""
    page, emails = await credentials.members(call.parts.reader, call.tenant, asked.paging)
    return call.listed(page, asked, lambda row: words.workspaces.member(row, emails))


@patch(MEMBER)
async def give_role(
    account_id: FromPath[AccountId], data: JSONBody[MemberPatch], call: NamedDependency[Call]
) -> Answer[MemberOut]:
    """Give a member another role.

    Only an owner makes or unmakes owners; the last one stays. It holds from the member's next request on.
    """
    command = GiveRole(tenant_id=call.tenant, account_id=account_id, role=data.role, by=call.principal.account_id)
    await call.perform(call.handler.handle(command, call.because(data.reason), request=call.request))
    row = existing(await credentials.membership(call.reader, account_id, call.tenant), "member")
    account = existing(await credentials.account(call.parts.reader, account_id), "member")
    return call.shown(1, words.workspaces.member(row, {account_id: account.email}))


@delete(MEMBER)
async def remove_member(account_id: FromPath[AccountId], call: NamedDependency[Call]) -> None:
    """Remove a member.

    Their sessions and tokens reach the workspace no more, from this moment on. Only an owner removes an owner.
    """
    command = RemoveMember(tenant_id=call.tenant, account_id=account_id, by=call.principal.account_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


async def _shown(call: Call, tenant: TenantId, *, status: int = 200) -> Answer[WorkspaceOut]:
    mine = await credentials.memberships(call.reader, call.principal.account_id)
    row = existing(next((one for one in mine if one.tenant_id == tenant), None), "workspace")
    return call.shown(1, words.workspaces.workspace(row), status=status)


ROUTES = [
    list_workspaces,
    create_workspace,
    show_workspace,
    rename_workspace,
    leave_workspace,
    list_members,
    give_role,
    remove_member,
]
