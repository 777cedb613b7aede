"""Projects, their configuration and their environments: what may be asked."""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from commands import checks, place
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from commands.place import ChangeEnvironment, DeleteEnvironment, DeleteProject, require_free, require_name
from domain.fact import Value
from domain.identifiers import ConnectionId, EnvironmentId, ProjectId
from domain.limits import Place
from domain.project import (
    BuildConfig,
    BuildConfigured,
    DeployRules,
    EnvironmentAdded,
    EnvironmentPlan,
    Event,
    Project,
    ProjectArchived,
    ProjectCreated,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    ProjectType,
    ResourceLimits,
    RuntimeConfig,
    RuntimeConfigured,
    RuntimeRolledOut,
    RuntimeType,
    evolve,
)
from domain.rejection import Conflict, NotFound

MOST_ENVIRONMENTS = 50
PRODUCTION = "production"


class BuildChanges(Value):
    """The parts of the build configuration that a request names."""

    install_command: str | UnsetType | None = UNSET
    build_command: str | UnsetType | None = UNSET
    output_directory: str | UnsetType | None = UNSET
    node_version: str | UnsetType | None = UNSET
    package_manager: str | UnsetType | None = UNSET
    submodules: bool | UnsetType = UNSET


class RuntimeChanges(Value):
    """The parts of the runtime configuration that a request names."""

    runtime_type: RuntimeType | UnsetType = UNSET
    start_command: str | UnsetType | None = UNSET
    port: int | UnsetType | None = UNSET
    health_check_path: str | UnsetType = UNSET
    health_timeout_seconds: int | UnsetType = UNSET
    instances: int | UnsetType = UNSET
    limits: ResourceLimits | UnsetType = UNSET
    spa_fallback: bool | UnsetType = UNSET


class CreateProject(Command):
    """Make a project with its production environment, whose label is the project's slug and ``label_suffix``."""

    project_id: ProjectId
    environment_id: EnvironmentId
    name: str
    type: ProjectType
    connection_id: ConnectionId
    description: str = ""
    root_directory: str = ""
    production_branch: str = "main"
    runs_server: bool | None = None
    build: BuildChanges = BuildChanges()
    runtime: RuntimeChanges = RuntimeChanges()
    label_suffix: str = ""
    place: Place | None = None


class AddEnvironment(Command):
    """Make another place where a release of the project is active."""

    project_id: ProjectId
    environment_id: EnvironmentId
    name: str
    branch: str
    label: str | None = None
    label_suffix: str = ""
    rules: DeployRules = DeployRules()


class ChangeProject(Command):
    """Change what the project is called, what it is for, where it lives, or whether it takes deployments."""

    project_id: ProjectId
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    root_directory: str | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class ConfigureBuild(Command):
    """Change how later deployments are built."""

    project_id: ProjectId
    changes: BuildChanges
    root_directory: str | UnsetType = UNSET


class ConfigureRuntime(Command):
    """Change how later releases run, and with ``apply`` what runs as well."""

    project_id: ProjectId
    changes: RuntimeChanges
    apply: bool = True


ProjectCommand = (
    CreateProject
    | AddEnvironment
    | ChangeEnvironment
    | DeleteEnvironment
    | DeleteProject
    | ChangeProject
    | ConfigureBuild
    | ConfigureRuntime
)


def decide(command: ProjectCommand, state: Project) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    if isinstance(command, CreateProject):
        return [] if state.exists else _create(command)
    require_project(state)
    match command:
        case AddEnvironment():
            return _add_environment(command, state)
        case ChangeEnvironment():
            return [*place.change(command, require_environment(state, command.environment_id), state)]
        case DeleteEnvironment():
            return place.delete(command, require_environment(state, command.environment_id))
        case DeleteProject():
            return place.delete_project(command, state)
        case ChangeProject():
            return [*_changed(command, state)]
        case ConfigureBuild():
            build = changed_build(state.build, command.changes)
            moved = _moved(command.project_id, command.root_directory, state)
            return [
                *([BuildConfigured(project_id=command.project_id, build=build)] if build != state.build else []),
                *moved,
            ]
        case ConfigureRuntime():
            return [*_configure_runtime(command, state)]


def require_project(state: Project) -> None:
    """Refuse where the project never was, or is no more."""
    if not state.exists or state.deleted:
        raise NotFound("There is no such project.")


def require_environment(state: Project, environment_id: EnvironmentId) -> EnvironmentPlan:
    """The environment as the project defines it, or a refusal."""
    require_project(state)
    environment = state.environments.get(environment_id)
    if environment is None:
        raise NotFound("The project has no such environment.")
    return environment


def _create(command: CreateProject) -> Sequence[Event]:
    slug = checks.slug(command.name)
    label = slug + command.label_suffix
    check(
        [
            ("name", checks.name(command.name)),
            ("description", checks.text(command.description)),
            ("rootDirectory", checks.relative(command.root_directory)),
            ("productionBranch", checks.branch(command.production_branch)),
            ("label", checks.label(label)),
        ]
    )
    created = ProjectCreated(
        project_id=command.project_id,
        name=command.name.strip(),
        slug=slug,
        description=command.description,
        type=command.type,
        connection_id=command.connection_id,
        root_directory=command.root_directory.strip("/"),
        production_branch=command.production_branch,
        build=changed_build(BuildConfig(), command.build),
        runtime=changed_runtime(default_runtime(command.type, command.runs_server), command.runtime),
        place=command.place,
    )
    production = EnvironmentPlan(
        environment_id=command.environment_id,
        name=PRODUCTION,
        branch=command.production_branch,
        label=label,
    )
    return [created, EnvironmentAdded(project_id=command.project_id, environment=production)]


def default_runtime(kind: ProjectType, runs_server: bool | None) -> RuntimeConfig:
    """How a project of this type runs when nobody says more; a static or react project is served from its files."""
    serves = kind in {ProjectType.NODE, ProjectType.PYTHON} if runs_server is None else runs_server
    if not serves:
        return RuntimeConfig(runtime_type=RuntimeType.STATIC, spa_fallback=kind is ProjectType.REACT)
    return RuntimeConfig(runtime_type=RuntimeType.PYTHON if kind is ProjectType.PYTHON else RuntimeType.NODE)


def _add_environment(command: AddEnvironment, state: Project) -> Sequence[Event]:
    if command.environment_id in state.environments:
        return []
    name = command.name.strip().casefold()
    label = command.label or checks.slug(f"{state.slug}-{name}", 55) + command.label_suffix
    check([("name", checks.label(name)), ("branch", checks.branch(command.branch)), ("label", checks.label(label))])
    require_name(name, state)
    if len(state.environments) >= MOST_ENVIRONMENTS:
        raise Conflict(f"A project may have {MOST_ENVIRONMENTS} environments.")
    require_free(label, state)
    plan = EnvironmentPlan(
        environment_id=command.environment_id, name=name, branch=command.branch, label=label, rules=command.rules
    )
    return [EnvironmentAdded(project_id=command.project_id, environment=plan)]


def _changed(command: ChangeProject, state: Project) -> Iterator[Event]:
    if command.name is not UNSET and command.name.strip() != state.name:
        check([("name", checks.name(command.name))])
        yield ProjectRenamed(project_id=command.project_id, name=command.name.strip())
    if command.description is not UNSET and command.description != state.description:
        check([("description", checks.text(command.description))])
        yield ProjectDescribed(project_id=command.project_id, description=command.description)
    yield from _moved(command.project_id, command.root_directory, state)
    if command.archived is not UNSET and command.archived != state.archived:
        status = ProjectArchived if command.archived else ProjectRestored
        yield status(project_id=command.project_id)


def _moved(project_id: ProjectId, root: str | UnsetType, state: Project) -> Iterator[Event]:
    if root is UNSET or root.strip("/") == state.root_directory:
        return
    check([("rootDirectory", checks.relative(root))])
    yield ProjectRootMoved(project_id=project_id, root_directory=root.strip("/"))


def changed_build(build: BuildConfig, changes: BuildChanges) -> BuildConfig:
    """How it is built with the changes. Raises ``Invalid`` naming each field that cannot be so."""
    changed = replace(build, **_named(changes))
    check(
        [
            ("installCommand", checks.command(changed.install_command)),
            ("buildCommand", checks.command(changed.build_command)),
            ("outputDirectory", checks.relative(changed.output_directory)),
            ("nodeVersion", checks.text(changed.node_version, 50)),
            ("packageManager", checks.package_manager(changed.package_manager)),
        ]
    )
    return changed


def _configure_runtime(command: ConfigureRuntime, state: Project) -> Iterator[Event]:
    runtime = changed_runtime(state.runtime, command.changes)
    if runtime == state.runtime:
        return
    yield RuntimeConfigured(project_id=command.project_id, runtime=runtime)
    if command.apply and state.environments:
        yield RuntimeRolledOut(project_id=command.project_id, runtime=runtime, environments=tuple(state.environments))


def changed_runtime(runtime: RuntimeConfig, changes: RuntimeChanges) -> RuntimeConfig:
    """How it runs with the changes. Raises ``Invalid`` naming each field that cannot be so."""
    changed = replace(runtime, **_named(changes))
    path = changed.health_check_path
    check(
        [
            ("startCommand", checks.command(changed.start_command)),
            ("port", checks.between(changed.port, 1, 65535)),
            ("healthCheckPath", checks.name(path, 500) if path.startswith("/") else "must begin with '/'"),
            ("healthTimeoutSeconds", checks.between(changed.health_timeout_seconds, 1, 900)),
            ("instances", checks.between(changed.instances, 1, 20)),
            ("limits.memoryMb", checks.between(changed.limits.memory_mb, 32, 65536)),
            ("limits.cpus", checks.between(changed.limits.cpus, 0.05, 64)),
        ]
    )
    return changed


def _named(changes: BuildChanges | RuntimeChanges) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}


DECIDER = Decider(category="project", initial=Project(), decide=decide, evolve=evolve)
