"""Sentences about projects."""

from domain import project
from domain.project import (
    BuildConfigured,
    EnvironmentAdded,
    EnvironmentRelabelled,
    ProjectArchived,
    ProjectCreated,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    RuntimeConfigured,
)
from projections.phrases import build_settings, runtime_settings


def tell(fact: project.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case ProjectCreated():
            return f"{who} created the {fact.type} project '{fact.name}' with production on '{fact.production_branch}'."
        case EnvironmentAdded(environment=plan):
            return f"{who} added the environment '{plan.name}' for the branch '{plan.branch}' at '{plan.label}'."
        case EnvironmentRelabelled():
            return f"{who} moved an environment from '{fact.former}' to '{fact.label}'."
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
