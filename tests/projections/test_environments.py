"""Environments and releases: exactly one is active, and the edge knows where to find it."""

from msgspec.structs import replace

from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentRolledBack,
    InstancesMoved,
    ReleaseActivated,
    Upstream,
)
from domain.fact import Fact
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId
from domain.project import EnvironmentAdded, EnvironmentPlan, EnvironmentRelabelled, RuntimeConfig
from domain.release import ReleaseCut
from projections import environments, releases
from projections.environments import EnvironmentRow
from projections.reading import Paging
from projections.releases import RELEASES
from tests.projections.given import ACME, OTHER, asked, given
from tests.projections.histories import history
from tests.projections.memory import MemoryReadModels

SHOP, HERE = ProjectId("shop"), EnvironmentId("here")
OLD, NEW = ReleaseId("old"), ReleaseId("new")
ADDED = EnvironmentAdded(
    project_id=SHOP, environment=EnvironmentPlan(environment_id=HERE, name="production", branch="main", label="shop")
)
CUT = ReleaseCut(
    release_id=OLD,
    deployment_id=DeploymentId("one"),
    deployment_number=1,
    project_id=SHOP,
    environment_id=HERE,
    branch="main",
    commit="c0ffee",
    commit_message="Sell coffee",
    artifact="digest",
    artifact_bytes=10,
    runtime=RuntimeConfig(spa_fallback=True),
)
CUT_AGAIN = replace(CUT, release_id=NEW, deployment_number=2, start_command="node .")
PLACE = Upstream(host="127.0.0.1", port=3000)
BEGUN = ActivationStarted(
    environment_id=HERE,
    activation=1,
    release_id=OLD,
    deployment_id=DeploymentId("one"),
    deployment_number=1,
    fencing_token=1,
)
LIVE = ReleaseActivated(environment_id=HERE, activation=1, release_id=OLD, former_release_id=None)
LIVE_AGAIN = ReleaseActivated(
    environment_id=HERE, activation=2, release_id=NEW, former_release_id=OLD, upstreams=(PLACE,)
)
BACK = EnvironmentRolledBack(environment_id=HERE, activation=3, release_id=OLD, former_release_id=NEW)


def row_after(*facts: Fact) -> EnvironmentRow:
    row = asked(environments.find(given(*facts), ACME, HERE))
    assert row
    return row


def test_an_environment_shows_the_activation_under_way_and_its_end() -> None:
    assert row_after(ADDED).active_release_id is None
    begun = row_after(ADDED, CUT, BEGUN)
    assert (begun.activation, begun.activating_release_id) == (1, OLD)
    live = row_after(ADDED, CUT, BEGUN, LIVE)
    assert (live.active_release_id, live.activating_release_id) == (OLD, None)


def test_a_failed_activation_leaves_the_former_release_and_its_error_until_the_next_one() -> None:
    failed = ActivationFailed(environment_id=HERE, activation=3, release_id=OLD, error="It did not answer.")
    row = row_after(ADDED, CUT, LIVE, CUT_AGAIN, LIVE_AGAIN, BACK, failed)
    assert (row.active_release_id, row.activating_release_id) == (NEW, None)
    assert (row.upstreams, row.last_error) == ((PLACE,), "It did not answer.")
    assert row_after(ADDED, CUT, LIVE, failed, BACK).last_error is None


def test_an_environment_remembers_which_release_was_replaced_last_and_when() -> None:
    assert row_after(ADDED, CUT, LIVE).former_release_id is None
    replaced = row_after(ADDED, CUT, LIVE, CUT_AGAIN, LIVE_AGAIN)
    assert (replaced.former_release_id, replaced.replaced_at) == (OLD, replaced.updated_at)
    again = replace(LIVE_AGAIN, activation=3, former_release_id=NEW)
    twice = row_after(ADDED, CUT, LIVE, CUT_AGAIN, LIVE_AGAIN, again)
    assert (twice.former_release_id, twice.replaced_at) == (OLD, replaced.replaced_at)


def test_a_route_joins_the_label_with_the_active_release_and_where_it_listens() -> None:
    models = given(ADDED, CUT, LIVE)
    [route] = asked(environments.routes(models))
    assert (route.label, route.release_id, route.artifact) == ("shop", OLD, "digest")
    assert (route.static, route.spa_fallback, route.upstreams) == (True, True, ())
    moved = InstancesMoved(environment_id=HERE, release_id=NEW, upstreams=(Upstream(host="127.0.0.2", port=1),))
    relabelled = EnvironmentRelabelled(project_id=SHOP, environment_id=HERE, label="store", former="shop")
    models = given(ADDED, CUT, LIVE, CUT_AGAIN, LIVE_AGAIN, moved, relabelled)
    route = asked(environments.route(models, HERE))
    assert route
    assert (route.label, route.release_id, route.static, route.upstreams) == ("store", NEW, False, moved.upstreams)


def test_nothing_is_routed_to_an_environment_without_an_active_release() -> None:
    models = given(ADDED, CUT, BEGUN)
    assert asked(environments.routes(models)) == []
    assert asked(environments.route(models, HERE)) is None
    assert asked(environments.route(models, EnvironmentId("nowhere"))) is None


def test_the_history_is_newest_first_and_all_but_the_active_one_are_rollback_targets() -> None:
    models = given(ADDED, CUT, LIVE, CUT_AGAIN, LIVE_AGAIN)
    assert [row.id for row in asked(releases.history(models, ACME, SHOP, Paging())).rows] == [NEW, OLD]
    assert [row.id for row in asked(releases.rollback_targets(models, ACME, HERE, Paging())).rows] == [OLD]
    assert asked(releases.history(models, ACME, SHOP, Paging(), environment_id=EnvironmentId("x"))).rows == []
    assert asked(releases.history(models, OTHER, SHOP, Paging())).rows == []


def test_a_rollback_makes_the_earlier_release_active_again() -> None:
    models = given(CUT, LIVE, CUT_AGAIN, LIVE_AGAIN, BACK, replace(LIVE, activation=3, former_release_id=NEW))
    assert [row.id for row in models.rows(RELEASES) if row.active] == [OLD]
    old = asked(releases.find(models, ACME, OLD))
    assert old
    assert (old.ref, old.created_by) == ("DEP-0001", "insider@example.com")
    assert old.activated_at
    assert old.activated_at > old.created_at


def test_exactly_one_release_is_active_where_the_environment_says_so() -> None:
    models = MemoryReadModels()
    models.deliver(history(7, moves=200))
    active = {row.environment_id: row.id for row in models.rows(RELEASES) if row.active}
    shown = {row.id: row.active_release_id for row in models.rows(environments.ENVIRONMENTS)}
    assert active == {environment: release for environment, release in shown.items() if release}
    assert len(active) == len([row for row in models.rows(RELEASES) if row.active])
