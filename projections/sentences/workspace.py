"""Sentences about workspaces."""

from domain import workspace
from domain.limits import Limits
from domain.workspace import (
    InvitationAccepted,
    InvitationMade,
    InvitationWithdrawn,
    LimitsSet,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    RoleGiven,
    WorkspaceCreated,
    WorkspaceRenamed,
)
from projections.phrases import moment


def tell(fact: workspace.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case WorkspaceCreated():
            return f"{who} created the workspace '{fact.name}'."
        case WorkspaceRenamed():
            return f"{who} renamed the workspace '{fact.former}' to '{fact.name}'."
        case MemberJoined():
            return f"The account {fact.account_id} joined the workspace as {fact.role}."
        case RoleGiven():
            return f"{who} made the account {fact.account_id} {fact.role}, who was {fact.former}."
        case MemberRemoved():
            return f"{who} removed the account {fact.account_id}, who was {fact.role}, from the workspace."
        case MemberLeft():
            return f"{who}, who was {fact.role}, left the workspace."
        case InvitationMade():
            return f"{who} invited {fact.email} as {fact.role}, until {moment(fact.expires_at)}."
        case InvitationWithdrawn():
            return f"The invitation of {fact.email} was withdrawn."
        case InvitationAccepted():
            return f"{fact.email} accepted the invitation into the workspace."
        case LimitsSet():
            return f"{who} set the workspace's limits: {_limits(fact.limits)}."


def _limits(limits: Limits) -> str:
    own = [(name.replace("_", " "), getattr(limits, name)) for name in limits.__struct_fields__]
    return ", ".join(f"{name} {number}" for name, number in own if number is not None) or "all as usual here"
