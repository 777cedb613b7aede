"""Workspaces and their members: what may be asked."""

from collections.abc import Sequence

from commands.checks import check, name
from commands.command import Command
from commands.decider import Decider
from domain.identifiers import AccountId, TenantId
from domain.workspace import Event, MemberJoined, Role, Workspace, WorkspaceCreated, evolve


class CreateWorkspace(Command):
    """Make a workspace with its owner."""

    tenant_id: TenantId
    name: str
    owner: AccountId


WorkspaceCommand = CreateWorkspace


def decide(command: WorkspaceCommand, state: Workspace) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    if state.created:
        return []
    check([("workspaceName", name(command.name))])
    return [
        WorkspaceCreated(tenant_id=command.tenant_id, name=command.name),
        MemberJoined(tenant_id=command.tenant_id, account_id=command.owner, role=Role.OWNER),
    ]


DECIDER = Decider(category="workspace", initial=Workspace(), decide=decide, evolve=evolve)
