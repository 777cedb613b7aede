"""One customer's walls. A workspace's id is the ``tenant_id`` of everything inside."""

from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import AccountId, TenantId


class Role(StrEnum):
    """What a member is in a workspace; ``domain.access`` says what each may do."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"
    MEMBER = "member"
    """What old facts call a developer."""


class WorkspaceCreated(Fact, tag="workspace.created"):
    """A workspace came to be."""

    tenant_id: TenantId
    name: str


class MemberJoined(Fact, tag="workspace.member-joined"):
    """An account may work in the workspace."""

    tenant_id: TenantId
    account_id: AccountId
    role: Role


Event = WorkspaceCreated | MemberJoined


class Workspace(Value):
    """What later decisions need of a workspace."""

    created: bool = False
    members: dict[AccountId, Role] = {}


def evolve(state: Workspace, fact: Event) -> Workspace:
    """The workspace after ``fact``."""
    match fact:
        case WorkspaceCreated():
            return replace(state, created=True)
        case MemberJoined():
            return replace(state, members={**state.members, fact.account_id: fact.role})
