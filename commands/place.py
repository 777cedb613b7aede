"""The environments of a project as it defines them: what may be asked of one. The project's stream holds them."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from commands import checks
from commands.checks import check
from commands.command import Command
from domain.identifiers import EnvironmentId, ProjectId
from domain.project import (
    BranchFollowed,
    DeployRules,
    DeployRulesSet,
    EnvironmentDeleted,
    EnvironmentPlan,
    EnvironmentRelabelled,
    EnvironmentRenamed,
    Event,
    Project,
    ProjectDeleted,
)
from domain.rejection import Conflict, NameTaken
from domain.reservations import HOSTNAME


class ChangeEnvironment(Command):
    """Change what the environment is called, where it answers, what it follows, or how deployments come to it."""

    project_id: ProjectId
    environment_id: EnvironmentId
    name: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    branch: str | UnsetType = UNSET
    auto_deploy: bool | UnsetType = UNSET
    superseding: bool | UnsetType = UNSET
    protected: bool | UnsetType = UNSET
    approval_by_another: bool | UnsetType = UNSET


class DeleteEnvironment(Command):
    """Take the environment away. ``confirm`` is its name."""

    project_id: ProjectId
    environment_id: EnvironmentId
    confirm: str


class DeleteProject(Command):
    """Take the project away, once it has no environment. ``confirm`` is its slug."""

    project_id: ProjectId
    confirm: str


PlaceCommand = ChangeEnvironment | DeleteEnvironment | DeleteProject


def require_free(label: str, state: Project) -> None:
    """Refuse a label of the project's own: a reservation belongs to the whole project, so it must look itself."""
    if any(environment.label == label for environment in state.environments.values()):
        raise NameTaken(HOSTNAME, label)


def require_name(name: str, state: Project) -> None:
    """Refuse a name that another environment of the project has."""
    check([("name", checks.label(name))])
    if any(environment.name == name for environment in state.environments.values()):
        raise Conflict(f"The project already has an environment '{name}'.", code="name_taken")


def change(command: ChangeEnvironment, plan: EnvironmentPlan, state: Project) -> Iterator[Event]:
    """What changes of the environment; nothing of what is so already."""
    project_id, environment_id = command.project_id, command.environment_id
    name = plan.name if command.name is UNSET else command.name.strip().casefold()
    if name != plan.name:
        require_name(name, state)
        yield EnvironmentRenamed(project_id=project_id, environment_id=environment_id, name=name, former=plan.name)
    if command.label is not UNSET and command.label != plan.label:
        check([("label", checks.label(command.label))])
        require_free(command.label, state)
        yield EnvironmentRelabelled(
            project_id=project_id, environment_id=environment_id, label=command.label, former=plan.label
        )
    if command.branch is not UNSET and command.branch != plan.branch:
        check([("branch", checks.branch(command.branch))])
        yield BranchFollowed(
            project_id=project_id, environment_id=environment_id, branch=command.branch, former=plan.branch
        )
    if (rules := _rules(command, plan.rules)) != plan.rules:
        yield DeployRulesSet(project_id=project_id, environment_id=environment_id, rules=rules)


def _rules(command: ChangeEnvironment, rules: DeployRules) -> DeployRules:
    named = {name: getattr(command, name) for name in rules.__struct_fields__}
    return replace(rules, **{name: value for name, value in named.items() if value is not UNSET})


def delete(command: DeleteEnvironment, plan: EnvironmentPlan) -> Sequence[Event]:
    """The environment's end. Raises ``Invalid`` where it is not confirmed."""
    check([("confirm", confirmed(command.confirm, plan.name, "environment's name"))])
    return [
        EnvironmentDeleted(
            project_id=command.project_id,
            environment_id=command.environment_id,
            name=plan.name,
            label=plan.label,
        )
    ]


def delete_project(command: DeleteProject, state: Project) -> Sequence[Event]:
    """The project's end. Raises ``Invalid`` where it is not confirmed, ``Conflict`` while it has environments."""
    check([("confirm", confirmed(command.confirm, state.slug, "project's slug"))])
    if state.environments:
        left = ", ".join(sorted(plan.name for plan in state.environments.values()))
        raise Conflict(f"The project still has environments: {left}. Delete them first.", code="environments_left")
    return [ProjectDeleted(project_id=command.project_id, name=state.name, slug=state.slug)]


def confirmed(said: str, wanted: str, what: str) -> str | None:
    """Whether somebody who deletes knows what."""
    return None if said == wanted else f"must be the {what}, '{wanted}', to confirm"
