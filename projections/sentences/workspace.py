"""Sentences about workspaces."""

from domain import workspace
from domain.workspace import MemberJoined, WorkspaceCreated


def tell(fact: workspace.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case WorkspaceCreated():
            return f"{who} created the workspace '{fact.name}'."
        case MemberJoined():
            return f"The account {fact.account_id} joined the workspace as {fact.role}."
