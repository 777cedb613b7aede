"""Making another workspace: an account founds only so many."""

from commands import workspace
from commands.handling import Caused, Handler
from commands.ports import Request
from commands.workspace import CreateWorkspace
from domain.history import Context
from domain.identifiers import AccountId
from domain.rejection import NameTaken, QuotaExceeded
from domain.reservations import WORKSPACE_SLOT


async def found_workspace(
    handler: Handler, context: Context, *, owner: AccountId, name: str, most: int, request: Request | None = None
) -> Caused:
    """Make the workspace ``context.tenant_id``. Raises ``QuotaExceeded`` where the owner has founded ``most``."""
    if caused := await handler.replay(workspace.DECIDER, context.tenant_id, context, request):
        return caused
    for slot in range(1, most + 1):
        command = CreateWorkspace(tenant_id=context.tenant_id, name=name, owner=owner, slot=slot)
        try:
            return await handler.handle(command, context, request=request)
        except NameTaken as taken:
            if not taken.scope.startswith(WORKSPACE_SLOT):
                raise
    raise QuotaExceeded(f"An account may make {most} workspaces here. Ask the operator for more.")
