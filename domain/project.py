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


class DeployRules(Value):
    """How deployments come to an environment."""

    auto_deploy: bool = True
    """A push to its branch is deployed."""
    superseding: bool = True
    """A deployment takes the place of earlier ones that have not begun."""
    protected: bool = False
    """A deployment waits until somebody approves it."""
    approval_by_another: bool = False
    """And not who asked for it."""


class EnvironmentPlan(Value):
    """An environment as its project defines it: the branch it follows and the host name's label."""

    environment_id: EnvironmentId
    name: str
    branch: str
    label: str
    rules: DeployRules = DeployRules()


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


class EnvironmentRenamed(Fact, tag="project.environment-renamed"):
    """The environment has another name in its project; where it answers stays."""

    project_id: ProjectId
    environment_id: EnvironmentId
    name: str
    former: str


class BranchFollowed(Fact, tag="project.branch-followed"):
    """The environment follows another branch."""

    project_id: ProjectId
    environment_id: EnvironmentId
    branch: str
    former: str


class DeployRulesSet(Fact, tag="project.deploy-rules-set"):
    """Later deployments come to the environment so."""

    project_id: ProjectId
    environment_id: EnvironmentId
    rules: DeployRules


class EnvironmentDeleted(Fact, tag="project.environment-deleted"):
    """Nothing of the project answers there any more, and its label is anybody's. Its history stays."""

    project_id: ProjectId
    environment_id: EnvironmentId
    name: str
    label: str


class ProjectDeleted(Fact, tag="project.deleted"):
    """The project is no more, and its slug is free. Its history stays."""

    project_id: ProjectId
    name: str
    slug: str


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


class RuntimeRolledOut(Fact, tag="project.runtime-rolled-out"):
    """What runs in these environments is restarted, so that it runs so at once."""

    project_id: ProjectId
    runtime: RuntimeConfig
    environments: tuple[EnvironmentId, ...]


Event = (
    ProjectCreated
    | EnvironmentAdded
    | EnvironmentRelabelled
    | EnvironmentRenamed
    | BranchFollowed
    | DeployRulesSet
    | EnvironmentDeleted
    | ProjectDeleted
    | ProjectRenamed
    | ProjectDescribed
    | ProjectRootMoved
    | ProjectArchived
    | ProjectRestored
    | BuildConfigured
    | RuntimeConfigured
    | RuntimeRolledOut
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
    deleted: bool = False
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
        case EnvironmentRelabelled() | EnvironmentRenamed() | BranchFollowed() | DeployRulesSet():
            return _changed(state, fact)
        case EnvironmentDeleted():
            return _without_environment(state, fact.environment_id)
        case ProjectDeleted():
            return replace(state, deleted=True)
        case ProjectRenamed():
            return replace(state, name=fact.name)
        case ProjectDescribed():
            return replace(state, description=fact.description)
        case ProjectRootMoved():
            return replace(state, root_directory=fact.root_directory)
        case ProjectArchived() | ProjectRestored():
            return replace(state, archived=isinstance(fact, ProjectArchived))
        case BuildConfigured():
            return replace(state, build=fact.build)
        case RuntimeConfigured():
            return replace(state, runtime=fact.runtime)
        case RuntimeRolledOut():
            return state


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


def _changed(
    state: Project, fact: EnvironmentRelabelled | EnvironmentRenamed | BranchFollowed | DeployRulesSet
) -> Project:
    plan = state.environments.get(fact.environment_id)
    if plan is None:
        return state
    match fact:
        case EnvironmentRelabelled():
            return _with_environment(state, replace(plan, label=fact.label))
        case EnvironmentRenamed():
            return _with_environment(state, replace(plan, name=fact.name))
        case BranchFollowed():
            return _with_environment(state, replace(plan, branch=fact.branch))
        case DeployRulesSet():
            return _with_environment(state, replace(plan, rules=fact.rules))


def _without_environment(state: Project, environment_id: EnvironmentId) -> Project:
    return replace(state, environments={key: one for key, one in state.environments.items() if key != environment_id})


def _with_environment(state: Project, environment: EnvironmentPlan) -> Project:
    return replace(state, environments={**state.environments, environment.environment_id: environment})
