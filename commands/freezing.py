"""Adding freeze windows to places that exist, and asking whether deployments are frozen."""

from commands import freeze, project
from commands.deployment import Override
from commands.freeze import AddFreezeWindow
from commands.handling import Caused, Handler
from commands.ports import Request
from commands.project import require_environment, require_project
from domain.history import Context
from domain.identifiers import EnvironmentId, ProjectId
from domain.rejection import Conflict


async def add_freeze_window(
    handler: Handler, context: Context, command: AddFreezeWindow, request: Request | None = None
) -> Caused:
    """Add a window. Raises ``NotFound`` where its place is not there."""
    if caused := await handler.replay(freeze.DECIDER, command.tenant_id, context, request):
        return caused
    window = command.window
    if window.project_id is not None:
        state = await handler.state(project.DECIDER, window.project_id, context.tenant_id)
        require_project(state)
        if window.environment_id is not None:
            require_environment(state, window.environment_id)
    return await handler.handle(command, context, request=request)


async def thawed(
    handler: Handler,
    context: Context,
    project_id: ProjectId,
    environment_id: EnvironmentId,
    override: str | None,
) -> Override | None:
    """What is overridden for the reason ``override``; None where nothing is frozen. Raises ``Conflict``."""
    state = await handler.state(freeze.DECIDER, context.tenant_id, context.tenant_id)
    frozen = state.over(project_id, environment_id, context.at)
    if frozen is None:
        return None
    if override is not None:
        return Override(freeze=frozen.name, reason=override, until=frozen.until)
    until = f"until {frozen.until:%Y-%m-%d %H:%M} UTC" if frozen.until else "until its windows are changed"
    raise Conflict(
        f"Deployments to this environment are frozen by '{frozen.name}' {until}. Wait, or let an administrator "
        "override it with a reason.",
        code="frozen",
    )
