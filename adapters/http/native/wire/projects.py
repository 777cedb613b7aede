"""Projects, their configuration and their environments."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, UnsetType

from adapters.http.native.wire.shapes import Branch, In, Name, Out, Root, said
from domain.identifiers import (
    ConnectionId,
    EnvironmentId,
    ProjectId,
    ReleaseId,
)
from domain.project import ProjectType, RuntimeType
from projections.projects import ProjectStatus


class Limits(Out, forbid_unknown_fields=True):
    """What one running instance may use."""

    memory_mb: Annotated[int, said("Memory in MB.")]
    cpus: Annotated[float, said("Processors, also in parts.")]


class BuildPatch(In):
    """Changes of how a commit becomes an artifact: what is left out stays, null leaves it to what the repository
    shows."""

    install: Annotated[str | UnsetType | None, said("The same as installCommand.", "npm ci")] = UNSET
    install_command: Annotated[str | UnsetType | None, said("Installs dependencies.", "npm ci")] = UNSET
    build: Annotated[str | UnsetType | None, said("The same as buildCommand.", "npm run build")] = UNSET
    build_command: Annotated[str | UnsetType | None, said("Builds.", "npm run build")] = UNSET
    output: Annotated[str | UnsetType | None, said("The same as outputDirectory.", "dist")] = UNSET
    output_directory: Annotated[str | UnsetType | None, said("Where the build leaves its files.", "dist")] = UNSET
    root_directory: Root | UnsetType = UNSET
    node_version: Annotated[str | UnsetType | None, said("A Node version.", "22")] = UNSET
    package_manager: Annotated[str | UnsetType | None, said("npm, pnpm or yarn.", "npm")] = UNSET
    submodules: Annotated[bool | UnsetType, said("Whether git submodules are fetched.")] = UNSET


class RuntimePatch(In):
    """Changes of the runtime configuration; what is left out stays."""

    runtime_type: Annotated[RuntimeType | UnsetType, said("How a release is served.")] = UNSET
    start: Annotated[str | UnsetType | None, said("The same as startCommand.", "node server.js")] = UNSET
    start_command: Annotated[str | UnsetType | None, said("Starts the server.", "node server.js")] = UNSET
    port: Annotated[int | UnsetType | None, said("Where it listens, if it does not follow PORT.")] = UNSET
    health_check_path: Annotated[str | UnsetType, said("Asked until it answers.", "/healthz")] = UNSET
    health_timeout_seconds: Annotated[int | UnsetType, said("How long a start may take.")] = UNSET
    instances: Annotated[int | UnsetType, said("How many run side by side.")] = UNSET
    limits: Limits | UnsetType = UNSET
    spa_fallback: Annotated[bool | UnsetType, said("Static: unknown paths are answered with /index.html.")] = UNSET


class ProjectConfig(RuntimePatch):
    """Both configurations of a project at once; the keys are those of the two."""

    install: Annotated[str | UnsetType | None, said("The same as installCommand.", "npm ci")] = UNSET
    install_command: Annotated[str | UnsetType | None, said("Installs dependencies.", "npm ci")] = UNSET
    build: Annotated[str | UnsetType | None, said("The same as buildCommand.", "npm run build")] = UNSET
    build_command: Annotated[str | UnsetType | None, said("Builds.", "npm run build")] = UNSET
    output: Annotated[str | UnsetType | None, said("The same as outputDirectory.", "dist")] = UNSET
    output_directory: Annotated[str | UnsetType | None, said("Where the build leaves its files.", "dist")] = UNSET
    node_version: Annotated[str | UnsetType | None, said("A Node version.", "22")] = UNSET
    package_manager: Annotated[str | UnsetType | None, said("npm, pnpm or yarn.", "npm")] = UNSET
    submodules: Annotated[bool | UnsetType, said("Whether git submodules are fetched.")] = UNSET


class ProjectCreation(In):
    """Make a project with its production environment."""

    name: Name
    type: Annotated[ProjectType, said("What the repository holds.")]
    repository_connection_id: ConnectionId
    description: Annotated[str, said("What it is for, at most 2000 characters.")] = ""
    root_directory: Root = ""
    production_branch: Branch = "main"
    runs_server: Annotated[bool | None, said("Whether it runs a server; else by its type.")] = None
    config: ProjectConfig = ProjectConfig()


class ProjectPatch(In):
    """Changes of a project; what is left out stays."""

    name: Name | UnsetType = UNSET
    description: Annotated[str | UnsetType, said("What it is for, at most 2000 characters.")] = UNSET
    root_directory: Root | UnsetType = UNSET
    status: Annotated[ProjectStatus | UnsetType, said("An archived project takes no deployments.")] = UNSET


AutoDeploy = Annotated[bool, said("Whether a push to its branch is deployed.")]
Superseding = Annotated[bool, said("Whether a deployment takes the place of earlier ones that have not begun.")]
Protected = Annotated[bool, said("Whether a deployment waits until an administrator approves it.")]
ByAnother = Annotated[bool, said("Whether another one must approve than who asked for it.")]


class EnvironmentCreation(In):
    """Add an environment to a project."""

    name: Annotated[str, said("Lower-case letters, digits and '-'.", "staging")]
    branch: Branch
    label: Annotated[str | None, said("The host name's label; else made of project and name.", "shop-staging")] = None
    auto_deploy: AutoDeploy = True
    superseding: Superseding = True
    protected: Protected = False
    approval_by_another: ByAnother = False


class EnvironmentPatch(In):
    """Changes of an environment; what is left out stays. Who must approve is for administrators."""

    name: Annotated[str | UnsetType, said("Lower-case letters, digits and '-'.", "staging")] = UNSET
    label: Annotated[str | UnsetType, said("The host name's label, unique in the plane.", "shop-staging")] = UNSET
    branch: Branch | UnsetType = UNSET
    auto_deploy: AutoDeploy | UnsetType = UNSET
    superseding: Superseding | UnsetType = UNSET
    protected: Protected | UnsetType = UNSET
    approval_by_another: ByAnother | UnsetType = UNSET


class EnvironmentOut(Out):
    """An environment of a project: exactly one release is active in it, or none yet."""

    id: EnvironmentId
    name: str
    branch: str
    label: str
    url: str
    auto_deploy: bool
    superseding: bool
    protected: bool
    approval_by_another: bool
    active_release_id: ReleaseId | None
    created_at: datetime


class BuildConfigOut(Out):
    """How a commit becomes an artifact."""

    install: str | None
    install_command: str | None
    build: str | None
    build_command: str | None
    output: str | None
    output_directory: str | None
    root_directory: str
    node_version: str | None
    package_manager: str | None
    submodules: bool


class RuntimeConfigOut(Out):
    """How a release runs."""

    runtime_type: RuntimeType
    start_command: str | None
    port: int | None
    health_check_path: str
    health_timeout_seconds: int
    instances: int
    limits: Limits
    spa_fallback: bool


class ProjectOut(Out):
    """A project, as the list shows it."""

    id: ProjectId
    name: str
    slug: str
    description: str
    type: ProjectType
    status: ProjectStatus
    repository_connection_id: ConnectionId
    root_directory: str
    production_branch: str
    runs_server: bool
    created_at: datetime
    updated_at: datetime


class ProjectDetail(ProjectOut):
    """A project with its environments and its build and runtime configuration."""

    environments: list[EnvironmentOut]
    build_config: BuildConfigOut
    runtime_config: RuntimeConfigOut
