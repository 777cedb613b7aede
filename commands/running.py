"""Starting, stopping and restarting what runs in an environment, with its project's configuration of the moment."""

from commands import environment, project
from commands.environment import RestartEnvironment, StopEnvironment
from commands.handling import Caused, Handler
from commands.ports import Request
from commands.project import require_environment
from domain.environment import RestartCause
from domain.history import Context
from domain.identifiers import EnvironmentId, ProjectId
from domain.project import RuntimeConfig


async def restart(
    handler: Handler,
    context: Context,
    *,
    project_id: ProjectId,
    environment_id: EnvironmentId,
    cause: RestartCause = RestartCause.ASKED,
    reason: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Start the active release anew; with the cause ``STOPPED``, where nothing runs. Raises NotFound, Conflict."""
    # Repeated after the configuration has changed, it is the same request still.
    if caused := await handler.replay(environment.DECIDER, environment_id, context, request):
        return caused
    runtime = await _runtime(handler, context, project_id, environment_id)
    command = RestartEnvironment(environment_id=environment_id, runtime=runtime, cause=cause, reason=reason)
    return await handler.handle(command, context, request=request)


async def stop(
    handler: Handler,
    context: Context,
    *,
    project_id: ProjectId,
    environment_id: EnvironmentId,
    reason: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Stop what runs. Raises NotFound, Conflict."""
    await _runtime(handler, context, project_id, environment_id)
    command = StopEnvironment(environment_id=environment_id, reason=reason)
    return await handler.handle(command, context, request=request)


async def _runtime(
    handler: Handler, context: Context, project_id: ProjectId, environment_id: EnvironmentId
) -> RuntimeConfig:
    """The configuration of the project, whose environment it must be."""
    owner = await handler.state(project.DECIDER, project_id, context.tenant_id)
    require_environment(owner, environment_id)
    return owner.runtime
