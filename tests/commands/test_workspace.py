"""A workspace and its owner."""

from commands.workspace import DECIDER, CreateWorkspace
from domain.identifiers import AccountId, TenantId
from domain.rejection import Invalid
from domain.workspace import MemberJoined, Role, WorkspaceCreated
from tests.commands.specification import specification

given = specification(DECIDER)

CREATE = CreateWorkspace(tenant_id=TenantId("acme"), name="Acme", owner=AccountId("insider"))
CREATED = (
    WorkspaceCreated(tenant_id=TenantId("acme"), name="Acme"),
    MemberJoined(tenant_id=TenantId("acme"), account_id=AccountId("insider"), role=Role.OWNER),
)


def test_a_workspace_is_created_with_its_owner() -> None:
    given().when(CREATE).then(*CREATED)
    assert DECIDER.fold(CREATED).members == {AccountId("insider"): Role.OWNER}


def test_a_workspace_is_created_once() -> None:
    given(*CREATED).when(CREATE).then_nothing()


def test_a_workspace_needs_a_name() -> None:
    unnamed = CreateWorkspace(tenant_id=TenantId("acme"), name=" ", owner=AccountId("insider"))
    given().when(unnamed).then_refused(Invalid, field="workspaceName")
