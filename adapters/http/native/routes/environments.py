"""A project's environments, and what is live in them."""

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS, require_access
from adapters.http.native import asking, words
from adapters.http.native.routes.projects import PROJECT
from adapters.http.native.wire.projects import EnvironmentCreation, EnvironmentOut, EnvironmentPatch
from adapters.http.paging import Listing
from commands import creating
from commands.place import DeleteEnvironment
from domain.access import Access
from domain.identifiers import EnvironmentId, ProjectId
from projections import environments, projects
from projections.environments import EnvironmentRow

ENVIRONMENTS = PROJECT + "/environments"
ENVIRONMENT = ENVIRONMENTS + "/{environment_id:str}"


@get(ENVIRONMENTS)
async def list_environments(project_id: FromPath[ProjectId], call: NamedDependency[Call]) -> Listing[EnvironmentOut]:
    """List a project's environments, the oldest first."""
    existing(await projects.find(call.reader, call.tenant, project_id), "project")
    rows = await environments.of_project(call.reader, call.tenant, project_id)
    return Listing(items=[words.environments.environment(row, call.parts.settings) for row in rows], next_cursor=None)


@post(ENVIRONMENTS, opt={NEEDS: Access.DEVELOP})
async def add_environment(
    project_id: FromPath[ProjectId], data: JSONBody[EnvironmentCreation], call: NamedDependency[Call]
) -> Answer[EnvironmentOut]:
    """Add an environment to a project."""
    environment_id = EnvironmentId(call.new("environment"))
    command = asking.environment(data, project_id, environment_id)
    await call.perform(creating.add_environment(call.handler, call.context, command, call.request))
    return await _shown(call, project_id, environment_id, status=201)


@patch(ENVIRONMENT, opt={NEEDS: Access.DEVELOP})
async def change_environment(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    data: JSONBody[EnvironmentPatch],
    call: NamedDependency[Call],
) -> Answer[EnvironmentOut]:
    """Change an environment: its name, where it answers, the branch it follows, and how deployments come to it."""
    command = asking.environment_change(data, project_id, environment_id)
    if command.protected is not UNSET or command.approval_by_another is not UNSET:
        require_access(call.principal, Access.ADMIN, "Changing who must approve deployments")
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    return await _shown(call, project_id, environment_id)


@delete(ENVIRONMENT, opt={NEEDS: Access.ADMIN})
async def delete_environment(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    call: NamedDependency[Call],
    confirm: Annotated[str, QueryParameter(max_length=63, description="Its name, so that it is this one.")],
) -> None:
    """Delete an environment.

    Nothing answers there any more; its deployments are cancelled, its secrets, domains and schedules removed, and its
    label is free for everybody. The history of its deployments and releases stays.
    """
    command = DeleteEnvironment(project_id=project_id, environment_id=environment_id, confirm=confirm)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


async def _found(call: Call, project_id: ProjectId, environment_id: EnvironmentId) -> EnvironmentRow:
    row = await environments.find(call.reader, call.tenant, environment_id)
    return existing(row if row and row.project_id == project_id else None, "environment")


async def _shown(
    call: Call, project_id: ProjectId, environment_id: EnvironmentId, *, status: int = 200
) -> Answer[EnvironmentOut]:
    """An environment; its entity tag is the project's, which its label belongs to."""
    row = await _found(call, project_id, environment_id)
    owner = existing(await projects.find(call.reader, call.tenant, project_id), "project")
    return call.shown(owner.version, words.environments.environment(row, call.parts.settings), status=status)


ROUTES = [list_environments, add_environment, change_environment, delete_environment]
