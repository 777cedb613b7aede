"""Projects and their configuration."""

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import asking, words
from adapters.http.native.wire.projects import (
    BuildPatch,
    ProjectCreation,
    ProjectDetail,
    ProjectOut,
    ProjectPatch,
)
from adapters.http.native.wire.running import RuntimeConfigPatch
from adapters.http.paging import Asked, Listing
from adapters.http.restricting import NARROWED
from commands import creating
from commands.command import Command
from commands.place import DeleteProject
from commands.project import ConfigureBuild, ConfigureRuntime
from domain.access import Access
from domain.identifiers import EnvironmentId, ProjectId
from projections import environments, projects
from projections.projects import ProjectStatus

PROJECTS = "/tenants/{tenant_id:str}/projects"
PROJECT = PROJECTS + "/{project_id:str}"


@get(PROJECTS, opt={NARROWED: True})
async def list_projects(
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    search: Annotated[
        str | None, QueryParameter(max_length=200, description="A text in name, slug or description.")
    ] = None,
    status: Annotated[ProjectStatus | None, QueryParameter(description="Only active or only archived ones.")] = None,
) -> Listing[ProjectOut]:
    """List projects, by name."""
    page = await projects.listing(call.reader, call.tenant, asked.paging, search=search, status=status)
    return call.listed(page, asked, words.projects.project)


@post(PROJECTS, opt={NEEDS: Access.DEVELOP})
async def create_project(data: JSONBody[ProjectCreation], call: NamedDependency[Call]) -> Answer[ProjectDetail]:
    """Create a project.

    It begins with an environment ``production``, which follows the production branch.
    """
    project_id = ProjectId(call.new("project"))
    command = asking.project(data, project_id, EnvironmentId(call.new("environment")))
    await call.perform(creating.create_project(call.handler, call.context, command, call.request))
    return await _shown(call, project_id, status=201)


@get(PROJECT)
async def show_project(project_id: FromPath[ProjectId], call: NamedDependency[Call]) -> Answer[ProjectDetail]:
    """Show a project, with its environments, build and runtime configuration."""
    return await _shown(call, project_id)


@patch(PROJECT, opt={NEEDS: Access.DEVELOP})
async def change_project(
    project_id: FromPath[ProjectId], data: JSONBody[ProjectPatch], call: NamedDependency[Call]
) -> Answer[ProjectDetail]:
    """Change a project's name, description, root directory or status."""
    return await _changed(call, project_id, asking.project_change(data, project_id))


@delete(PROJECT, opt={NEEDS: Access.ADMIN})
async def delete_project(
    project_id: FromPath[ProjectId],
    call: NamedDependency[Call],
    confirm: Annotated[str, QueryParameter(max_length=100, description="The project's slug, so that it is this one.")],
) -> None:
    """Delete a project that has no environment any more.

    Its slug is free then, and its secrets are removed. The history of its deployments stays.
    """
    command = DeleteProject(project_id=project_id, confirm=confirm)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


@patch(PROJECT + "/build-config", opt={NEEDS: Access.DEVELOP})
async def configure_build(
    project_id: FromPath[ProjectId], data: JSONBody[BuildPatch], call: NamedDependency[Call]
) -> Answer[ProjectDetail]:
    """Change how later deployments are built."""
    changes = words.configuration.build_changes(data)
    command = ConfigureBuild(project_id=project_id, changes=changes, root_directory=data.root_directory)
    return await _changed(call, project_id, command)


@patch(PROJECT + "/runtime-config", opt={NEEDS: Access.DEVELOP})
async def configure_runtime(
    project_id: FromPath[ProjectId], data: JSONBody[RuntimeConfigPatch], call: NamedDependency[Call]
) -> Answer[ProjectDetail]:
    """Change how releases run: those to come, and at once what runs.

    In each environment where something is live its release is started anew beside the running instances, without a
    build, and takes over when it is healthy; if it never is, what served goes on serving. The environment's runtime
    shows how that goes. ``apply: false`` restarts nothing: the configuration holds from the next deployment, start or
    restart on. Changing ``runtimeType`` takes another build, so it always does.
    """
    changes = words.configuration.runtime_changes(data)
    return await _changed(call, project_id, ConfigureRuntime(project_id=project_id, changes=changes, apply=data.apply))


async def _changed(call: Call, project_id: ProjectId, command: Command) -> Answer[ProjectDetail]:
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    return await _shown(call, project_id)


async def _shown(call: Call, project_id: ProjectId, *, status: int = 200) -> Answer[ProjectDetail]:
    row = existing(await projects.find(call.reader, call.tenant, project_id), "project")
    places = await environments.of_project(call.reader, call.tenant, project_id)
    return call.shown(row.version, words.projects.project_detail(row, places, call.parts.settings), status=status)


ROUTES = [
    list_projects,
    create_project,
    show_project,
    change_project,
    delete_project,
    configure_build,
    configure_runtime,
]
