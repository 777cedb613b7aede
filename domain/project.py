"""A project: what is built, how it is built, how it runs, and the environments where it runs."""

from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import ConnectionId, EnvironmentId, ProjectId
from domain.limits import Place


class ProjectType(StrEnum):
    """What kind of thing the repository holds (document 002: ``static|react|node|python``)."""

    STATIC = "static"
    REACT = "react"
    NODE = "node"
    PYTHON = "python"


class RuntimeType(StrEnum):
    """How a release is served (document 002: ``static|node|python``)."""

    STATIC = "static"
    NODE = "node"
    PYTHON = "python"


class BuildConfig(Value):
    """How a commit becomes an artifact. None leaves the choice to what the repository shows."""

    install_command: str | None = None
    build_command: str | None = None
    output_directory: str | None = None
    node_version: str | None = None
    package_manager: str | None = None
    submodules: bool = False


class ResourceLimits(Value):
    """What one running instance may use at the most."""

    memory_mb: int = 512
    cpus: float = 1.0


class RuntimeConfig(Value):
    """How a release runs and how it is known to be well."""

    runtime_type: RuntimeType = RuntimeType.STATIC
    start_command: str | None = None
    port: int | None = None
    health_check_path: str = "/"
    health_timeout_seconds: int = 60
    instances: int = 1
    limits: ResourceLimits = ResourceLimits()
    spa_fallback: bool = False
    """Static releases only: an unknown path is answered with ``/index.html``."""


class EnvironmentPlan(Value):
    """An environment as its project defines it: the branch it follows and the host name's label."""

    environment_id: EnvironmentId
    name: str
    branch: str
    label: str


class ProjectCreated(Fact, tag="project.created"):
    """A project came to be, without environments."""

    project_id: ProjectId
    name: str
    slug: str
    type: ProjectType
    connection_id: ConnectionId
    root_directory: str
    production_branch: str
    build: BuildConfig
    runtime: RuntimeConfig
    description: str = ""
    place: Place | None = None


class EnvironmentAdded(Fact, tag="project.environment-added"):
    """A place where exactly one release of the project is active."""

    project_id: ProjectId
    environment: EnvironmentPlan


class EnvironmentRelabelled(Fact, tag="project.environment-relabelled"):
    """The environment answers at another host name."""

    project_id: ProjectId
    environment_id: EnvironmentId
    label: str
    former: str


class ProjectRenamed(Fact, tag="project.renamed"):
    """The project's name for people; its slug stays."""

    project_id: ProjectId
    name: str


class ProjectDescribed(Fact, tag="project.described"):
    """What the project is for, in its owners' words."""

    project_id: ProjectId
    description: str


class ProjectRootMoved(Fact, tag="project.root-moved"):
    """The project lives in another folder of its repository."""

    project_id: ProjectId
    root_directory: str


class ProjectArchived(Fact, tag="project.archived"):
    """The project takes no more deployments."""

    project_id: ProjectId


class ProjectRestored(Fact, tag="project.restored"):
    """The project takes deployments again."""

    project_id: ProjectId


class BuildConfigured(Fact, tag="project.build-configured"):
    """Later deployments are built so."""

    project_id: ProjectId
    build: BuildConfig


class RuntimeConfigured(Fact, tag="project.runtime-configured"):
    """Later releases run so."""

    project_id: ProjectId
    runtime: RuntimeConfig


Event = (
    ProjectCreated
    | EnvironmentAdded
    | EnvironmentRelabelled
    | ProjectRenamed
    | ProjectDescribed
    | ProjectRootMoved
    | ProjectArchived
    | ProjectRestored
    | BuildConfigured
    | RuntimeConfigured
)


class Project(Value):
    """What later decisions need of a project."""

    project_id: ProjectId = ProjectId("")
    name: str = ""
    slug: str = ""
    description: str = ""
    type: ProjectType = ProjectType.STATIC
    connection_id: ConnectionId = ConnectionId("")
    root_directory: str = ""
    archived: bool = False
    build: BuildConfig = BuildConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    environments: dict[EnvironmentId, EnvironmentPlan] = {}

    @property
    def exists(self) -> bool:
        """Whether the project was ever created."""
        return bool(self.project_id)


def evolve(state: Project, fact: Event) -> Project:
    """The project after ``fact``."""
    match fact:
        case ProjectCreated():
            return _created(fact)
        case EnvironmentAdded():
            return _with_environment(state, fact.environment)
        case EnvironmentRelabelled():
            return _relabelled(state, fact)
        case ProjectRenamed():
            return replace(state, name=fact.name)
        case ProjectDescribed():
            return replace(state, description=fact.description)
        case ProjectRootMoved():
            return replace(state, root_directory=fact.root_directory)
        case ProjectArchived():
            return replace(state, archived=True)
        case ProjectRestored():
            return replace(state, archived=False)
        case BuildConfigured():
            return replace(state, build=fact.build)
        case RuntimeConfigured():
            return replace(state, runtime=fact.runtime)


def _created(fact: ProjectCreated) -> Project:
    return Project(
        project_id=fact.project_id,
        name=fact.name,
        slug=fact.slug,
        description=fact.description,
        type=fact.type,
        connection_id=fact.connection_id,
        root_directory=fact.root_directory,
        build=fact.build,
        runtime=fact.runtime,
    )


def _relabelled(state: Project, fact: EnvironmentRelabelled) -> Project:
    environment = state.environments.get(fact.environment_id)
    return _with_environment(state, replace(environment, label=fact.label)) if environment else state


def _with_environment(state: Project, environment: EnvironmentPlan) -> Project:
    return replace(state, environments={**state.environments, environment.environment_id: environment})
