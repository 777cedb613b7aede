"""Whose turn it is: in the order of asking, one in an environment, so many builds in a workspace."""

from datetime import UTC, datetime

from domain.deployment import Status
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId, TenantId
from projections.deployments import DeploymentRow
from projections.turns import in_turn

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def row(
    number: int, place: str, status: Status = Status.QUEUED, tenant: TenantId = ACME, *, promotes: bool = False
) -> DeploymentRow:
    return DeploymentRow(
        id=DeploymentId(str(number)),
        tenant_id=tenant,
        number=number,
        ref=f"DEP-{number:04}",
        project_id=ProjectId("shop"),
        environment_id=EnvironmentId(place),
        branch="main",
        commit=None,
        note=None,
        status=status,
        retry_of=None,
        promotes=ReleaseId("release") if promotes else None,
        triggered_by="insider",
        queued_at=NOW,
        updated_at=NOW,
        version=1,
    )


def turns(*rows: DeploymentRow, builds: int = 2) -> list[int]:
    return sorted(one.number for one in in_turn(rows, {ACME: builds, GLOBEX: builds}))


def test_who_asked_first_begins_first_and_the_others_of_the_environment_wait() -> None:
    assert turns(row(2, "live"), row(1, "live"), row(3, "staging")) == [1, 3]


def test_beside_one_that_runs_none_of_its_environment_begins() -> None:
    assert turns(row(1, "live", Status.RUNNING), row(2, "live"), row(3, "staging")) == [1, 3]


def test_a_workspace_builds_so_many_at_once() -> None:
    assert turns(row(1, "a", Status.RUNNING), row(2, "b"), row(3, "c")) == [1, 2]
    assert turns(row(1, "a"), builds=0) == []


def test_each_workspace_has_slots_of_its_own() -> None:
    assert turns(row(1, "a"), row(2, "b", tenant=GLOBEX), builds=1) == [1, 2]


def test_a_promotion_needs_no_slot() -> None:
    running = row(1, "a", Status.RUNNING), row(2, "b", Status.RUNNING)
    assert turns(*running, row(3, "c"), row(4, "d", promotes=True)) == [1, 2, 4]


def test_who_waits_for_a_slot_keeps_the_environments_place() -> None:
    running = row(1, "a", Status.RUNNING), row(2, "b", Status.RUNNING)
    assert turns(*running, row(3, "c"), row(4, "c", promotes=True)) == [1, 2]


def test_what_waits_for_approval_is_in_nobodys_way() -> None:
    assert turns(row(1, "live", Status.WAITING), row(2, "live")) == [2]
