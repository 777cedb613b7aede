"""Sentences about projects."""

from domain import project
from domain.project import (
    BranchFollowed,
    BuildConfigured,
    DeployRules,
    DeployRulesSet,
    EnvironmentAdded,
    EnvironmentDeleted,
    EnvironmentRelabelled,
    EnvironmentRenamed,
    ProjectArchived,
    ProjectCreated,
    ProjectDeleted,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    RuntimeConfigured,
    RuntimeRolledOut,
)
from projections.phrases import build_settings, counted, runtime_settings


def tell(fact: project.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case ProjectCreated():
            return f"{who} created the {fact.type} project '{fact.name}' with production on '{fact.production_branch}'."
        case (
            EnvironmentAdded()
            | EnvironmentRelabelled()
            | EnvironmentRenamed()
            | BranchFollowed()
            | DeployRulesSet()
            | EnvironmentDeleted()
        ):
            return f"{who} {_place(fact)}."
        case ProjectDeleted():
            return f"{who} deleted the project '{fact.name}'."
        case ProjectRenamed():
            return f"{who} renamed the project to '{fact.name}'."
        case ProjectDescribed():
            said = f"described the project as: {fact.description}" if fact.description else "took its description away"
            return f"{who} {said}"
        case ProjectRootMoved():
            return f"{who} moved the project's root to '{fact.root_directory or '.'}'."
        case ProjectArchived():
            return f"{who} archived the project."
        case ProjectRestored():
            return f"{who} restored the project."
        case BuildConfigured():
            return f"{who} set the build to {build_settings(fact.build)}"
        case RuntimeConfigured():
            return f"{who} set the runtime to {runtime_settings(fact.runtime)}"
        case RuntimeRolledOut():
            return f"{who} let {counted(len(fact.environments), 'environment')} be restarted with the runtime as set."


def _place(
    fact: EnvironmentAdded
    | EnvironmentRelabelled
    | EnvironmentRenamed
    | BranchFollowed
    | DeployRulesSet
    | EnvironmentDeleted,
) -> str:
    match fact:
        case EnvironmentAdded(environment=plan):
            return f"added the environment '{plan.name}' for the branch '{plan.branch}' at '{plan.label}'"
        case EnvironmentRelabelled():
            return f"moved an environment from '{fact.former}' to '{fact.label}'"
        case EnvironmentRenamed():
            return f"renamed the environment '{fact.former}' to '{fact.name}'"
        case BranchFollowed():
            return f"let an environment follow the branch '{fact.branch}' instead of '{fact.former}'"
        case DeployRulesSet():
            return f"set how deployments come to an environment: {_rules(fact.rules)}"
        case EnvironmentDeleted():
            return f"deleted the environment '{fact.name}' at '{fact.label}'"


def _rules(rules: DeployRules) -> str:
    pushed = "by each push to its branch" if rules.auto_deploy else "when somebody asks for them"
    waiting = "; a later one replaces those that wait" if rules.superseding else ""
    another = " other than who asked" if rules.approval_by_another else ""
    return pushed + waiting + (f"; approved by an administrator{another}" if rules.protected else "")
