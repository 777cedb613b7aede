"""Projects with their build and runtime configuration, as the list and the detail show them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from domain.history import Recorded
from domain.identifiers import ConnectionId, ProjectId, TenantId
from domain.project import (
    BranchFollowed,
    BuildConfig,
    BuildConfigured,
    DeployRulesSet,
    EnvironmentAdded,
    EnvironmentDeleted,
    EnvironmentRelabelled,
    EnvironmentRenamed,
    Event,
    ProjectArchived,
    ProjectCreated,
    ProjectDeleted,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    ProjectType,
    RuntimeConfig,
    RuntimeConfigured,
    RuntimeType,
)
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import Page, Paging, Reader, Selection, Wanted


class ProjectStatus(StrEnum):
    """Whether the project takes deployments."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class ProjectRow(Row):
    """A project. ``version`` is its stream's, for conditional requests."""

    id: ProjectId
    tenant_id: TenantId
    name: str
    slug: str
    description: str
    type: ProjectType
    status: ProjectStatus
    connection_id: ConnectionId
    root_directory: str
    production_branch: str
    runs_server: bool
    build: BuildConfig
    runtime: RuntimeConfig
    created_at: datetime
    updated_at: datetime
    version: int


PROJECTS = Table("projects", ProjectRow, key=("id",), indexes=(("tenant_id", "name"),))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of projects."""
    match recorded.fact:
        case ProjectCreated() as fact:
            return [Put(PROJECTS, _created(fact, recorded))]
        case ProjectDeleted() as fact:
            return [Remove(PROJECTS, fact.project_id)]
        case (
            EnvironmentAdded()
            | EnvironmentRelabelled()
            | EnvironmentRenamed()
            | BranchFollowed()
            | DeployRulesSet()
            | EnvironmentDeleted() as fact
        ):
            return [_patch(fact.project_id, recorded)]
        case ProjectRenamed() as fact:
            return [_patch(fact.project_id, recorded, name=fact.name)]
        case ProjectDescribed() as fact:
            return [_patch(fact.project_id, recorded, description=fact.description)]
        case ProjectRootMoved() as fact:
            return [_patch(fact.project_id, recorded, root_directory=fact.root_directory)]
        case ProjectArchived() as fact:
            return [_patch(fact.project_id, recorded, status=ProjectStatus.ARCHIVED)]
        case ProjectRestored() as fact:
            return [_patch(fact.project_id, recorded, status=ProjectStatus.ACTIVE)]
        case BuildConfigured() as fact:
            return [_patch(fact.project_id, recorded, build=fact.build)]
        case RuntimeConfigured() as fact:
            return [_patch(fact.project_id, recorded, runtime=fact.runtime, runs_server=_runs_server(fact.runtime))]
        case _:
            return []


def _created(fact: ProjectCreated, recorded: Recorded) -> ProjectRow:
    return ProjectRow(
        id=fact.project_id,
        tenant_id=recorded.context.tenant_id,
        name=fact.name,
        slug=fact.slug,
        description=fact.description,
        type=fact.type,
        status=ProjectStatus.ACTIVE,
        connection_id=fact.connection_id,
        root_directory=fact.root_directory,
        production_branch=fact.production_branch,
        runs_server=_runs_server(fact.runtime),
        build=fact.build,
        runtime=fact.runtime,
        created_at=recorded.context.at,
        updated_at=recorded.context.at,
        version=recorded.version,
    )


def _patch(project_id: ProjectId, recorded: Recorded, **fields: object) -> Patch:
    return Patch(PROJECTS, project_id, {**fields, "updated_at": recorded.context.at, "version": recorded.version})


def _runs_server(runtime: RuntimeConfig) -> bool:
    return runtime.runtime_type is not RuntimeType.STATIC


MODEL = ReadModel("projects", [PROJECTS], project, Event)


async def find(reader: Reader, tenant: TenantId, project_id: ProjectId) -> ProjectRow | None:
    """One project."""
    return await reader.one(PROJECTS, {"tenant_id": tenant, "id": project_id})


def only(tenant: TenantId, project_id: ProjectId) -> Wanted:
    """The same, to be asked for together with others."""
    return Wanted(PROJECTS, Selection(equal={"tenant_id": tenant, "id": project_id}), Paging(size=1))


async def find_by_slug(reader: Reader, tenant: TenantId, slug: str) -> ProjectRow | None:
    """The project with this slug, which one project of the workspace has at the most."""
    return await reader.one(PROJECTS, {"tenant_id": tenant, "slug": slug})


async def listing(
    reader: Reader,
    tenant: TenantId,
    paging: Paging,
    *,
    search: str | None = None,
    status: ProjectStatus | None = None,
) -> Page[ProjectRow]:
    """The workspace's projects by name. ``search`` looks into name, slug and description."""
    equal = {"tenant_id": tenant} | ({"status": status} if status else {})
    selection = Selection(equal=equal, search=search, search_in=("name", "slug", "description"), order_by="name")
    return await reader.select(PROJECTS, selection, paging)
