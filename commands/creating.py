"""Making projects and environments, whose host names must be free in the whole plane."""

from msgspec.structs import replace

from commands import project, repository
from commands.handling import Caused, Handler
from commands.ports import Request
from commands.project import AddEnvironment, CreateProject
from commands.repository import require_connected
from domain.history import Context
from domain.rejection import NameTaken
from domain.reservations import HOSTNAME


async def create_project(
    handler: Handler, context: Context, command: CreateProject, request: Request | None = None
) -> Caused:
    """Create a project from a connection of the same tenant. Raises ``NotFound`` where there is none."""
    if caused := await handler.replay(project.DECIDER, command.project_id, context, request):
        return caused
    require_connected(await handler.state(repository.DECIDER, command.connection_id, context.tenant_id))
    return await _with_free_label(handler, context, command, request)


async def add_environment(
    handler: Handler, context: Context, command: AddEnvironment, request: Request | None = None
) -> Caused:
    """Add an environment to a project."""
    return await _with_free_label(handler, context, command, request)


async def _with_free_label(
    handler: Handler, context: Context, command: CreateProject | AddEnvironment, request: Request | None
) -> Caused:
    """Try the plain label first; when another tenant holds it, a part of the environment's id tells them apart."""
    try:
        return await handler.handle(command, context, request=request)
    except NameTaken as taken:
        if taken.scope != HOSTNAME:
            raise
    suffix = "-" + command.environment_id.replace("-", "")[-6:]
    return await handler.handle(replace(command, label_suffix=suffix), context, request=request)
