"""An environment: which release is made live, and who is outranked."""

from msgspec.structs import replace

from commands.environment import (
    DECIDER,
    BeginActivation,
    CompleteActivation,
    FailActivation,
    MoveInstances,
    RollBackEnvironment,
)
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentRolledBack,
    InstancesMoved,
    ReleaseActivated,
    Upstream,
)
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId
from domain.project import RuntimeConfig
from domain.rejection import Conflict, Invalid, StaleLease
from domain.release import ReleaseCut
from tests.commands.specification import specification

given = specification(DECIDER)

SHOP = EnvironmentId("shop")
PORT_1, PORT_2 = Upstream(host="127.0.0.1", port=4001), Upstream(host="127.0.0.1", port=4002)


def release(number: int) -> ReleaseId:
    return ReleaseId(f"release of deployment {number}")


def begin(number: int, lease: int = 1) -> BeginActivation:
    return BeginActivation(
        environment_id=SHOP,
        release_id=release(number),
        deployment_id=DeploymentId(f"deployment {number}"),
        deployment_number=number,
        fencing_token=lease,
    )


def started(activation: int, number: int, lease: int = 1) -> ActivationStarted:
    return ActivationStarted(
        environment_id=SHOP,
        activation=activation,
        release_id=release(number),
        deployment_id=DeploymentId(f"deployment {number}"),
        deployment_number=number,
        fencing_token=lease,
    )


def complete(activation: int, number: int, *upstreams: Upstream) -> CompleteActivation:
    return CompleteActivation(
        environment_id=SHOP, activation=activation, release_id=release(number), upstreams=upstreams
    )


def activated(activation: int, number: int, former: int | None, *upstreams: Upstream) -> ReleaseActivated:
    return ReleaseActivated(
        environment_id=SHOP,
        activation=activation,
        release_id=release(number),
        former_release_id=release(former) if former else None,
        upstreams=upstreams,
    )


def fail(activation: int, number: int) -> FailActivation:
    return FailActivation(environment_id=SHOP, activation=activation, release_id=release(number), error="No answer.")


def failed(activation: int, number: int) -> ActivationFailed:
    return ActivationFailed(environment_id=SHOP, activation=activation, release_id=release(number), error="No answer.")


def cut(number: int) -> ReleaseCut:
    return ReleaseCut(
        release_id=release(number),
        deployment_id=DeploymentId(f"deployment {number}"),
        deployment_number=number,
        project_id=ProjectId("project"),
        environment_id=SHOP,
        branch="main",
        commit="c0ffee",
        commit_message="Sell coffee",
        artifact="digest",
        artifact_bytes=1,
        runtime=RuntimeConfig(),
    )


def roll_back(number: int, reason: str | None = None) -> RollBackEnvironment:
    return RollBackEnvironment(environment_id=SHOP, release=cut(number), reason=reason)


def rolled_back(activation: int, number: int, former: int | None, reason: str | None = None) -> EnvironmentRolledBack:
    return EnvironmentRolledBack(
        environment_id=SHOP,
        activation=activation,
        release_id=release(number),
        former_release_id=release(former) if former else None,
        reason=reason,
    )


LIVE_5 = (started(1, 5), activated(1, 5, None, PORT_1))
"""Deployment 5's release is active."""
LIVE_6 = (*LIVE_5, started(2, 6), activated(2, 6, 5, PORT_2))
"""Deployment 6's release is active, after that of deployment 5."""


class TestADeploymentsActivation:
    def test_the_first_deployment_starts_activation_one(self) -> None:
        given().when(begin(5)).then(started(1, 5))

    def test_a_later_deployment_starts_the_next_activation_beside_the_active_release(self) -> None:
        given(*LIVE_5).when(begin(6)).then(started(2, 6))

    def test_a_later_deployment_outranks_an_activation_that_is_under_way(self) -> None:
        given(started(1, 5)).when(begin(6)).then(started(2, 6))

    def test_an_earlier_deployment_that_finishes_last_does_not_go_live(self) -> None:
        given(*LIVE_6).when(begin(4)).then_refused(Conflict, "superseded")

    def test_an_earlier_deployment_does_not_go_live_even_when_the_later_one_failed(self) -> None:
        given(*LIVE_5, started(2, 7), failed(2, 7)).when(begin(6)).then_refused(Conflict, "superseded")

    def test_an_active_release_is_not_activated_again_by_its_own_deployment(self) -> None:
        given(*LIVE_5).when(begin(5)).then_nothing()
        given(*LIVE_5).when(begin(5, lease=2)).then_nothing()

    def test_the_executor_that_took_over_starts_a_new_activation_of_the_same_release(self) -> None:
        given(*LIVE_5, started(2, 6, lease=1)).when(begin(6, lease=2)).then(started(3, 6, lease=2))

    def test_an_executor_that_lost_its_lease_does_not_outrank_the_one_that_took_over(self) -> None:
        taken_over = (*LIVE_5, started(2, 6, lease=2))
        given(*taken_over).when(begin(6, lease=1)).then_refused(StaleLease)

    def test_an_activation_that_failed_may_be_begun_again_by_the_next_lease(self) -> None:
        given(started(1, 5), failed(1, 5)).when(begin(5, lease=2)).then(started(2, 5, lease=2))


class TestARollback:
    def test_it_starts_the_activation_of_an_earlier_release(self) -> None:
        given(*LIVE_6).when(roll_back(5, "Prices are wrong.")).then(rolled_back(3, 5, 6, "Prices are wrong."))

    def test_it_outranks_the_activation_of_a_deployment(self) -> None:
        given(*LIVE_5, started(2, 6)).when(roll_back(4)).then(rolled_back(3, 4, 5))

    def test_it_may_bring_back_the_active_release_while_another_is_being_activated(self) -> None:
        given(*LIVE_5, started(2, 6)).when(roll_back(5)).then(rolled_back(3, 5, 5))

    def test_the_overtaken_deployment_cannot_begin_again(self) -> None:
        given(*LIVE_5, started(2, 6), rolled_back(3, 5, 5)).when(begin(6, lease=2)).then_refused(Conflict, "superseded")

    def test_a_deployment_that_is_ready_after_it_goes_live(self) -> None:
        given(*LIVE_6, rolled_back(3, 5, 6), activated(3, 5, 6)).when(begin(7)).then(started(4, 7))

    def test_to_the_active_release_is_refused(self) -> None:
        given(*LIVE_5).when(roll_back(5)).then_refused(Conflict, "already_active")

    def test_to_the_active_release_is_refused_after_a_failed_activation_too(self) -> None:
        given(*LIVE_5, started(2, 6), failed(2, 6)).when(roll_back(5)).then_refused(Conflict, "already_active")

    def test_to_the_release_that_is_being_activated_changes_nothing(self) -> None:
        given(*LIVE_5, started(2, 6)).when(roll_back(6)).then_nothing()

    def test_asked_for_twice_starts_one_activation(self) -> None:
        given(*LIVE_6, rolled_back(3, 5, 6)).when(roll_back(5)).then_nothing()

    def test_to_a_release_that_failed_before_may_be_tried_again(self) -> None:
        given(*LIVE_5, started(2, 6), failed(2, 6)).when(roll_back(6)).then(rolled_back(3, 6, 5))

    def test_to_a_release_of_another_environment_is_refused(self) -> None:
        foreign = RollBackEnvironment(environment_id=EnvironmentId("staging"), release=cut(5))
        given(*LIVE_6).when(foreign).then_refused(Invalid)

    def test_a_reason_has_at_most_500_characters(self) -> None:
        given(*LIVE_6).when(roll_back(5, "x" * 500)).then(rolled_back(3, 5, 6, "x" * 500))
        given(*LIVE_6).when(roll_back(5, "x" * 501)).then_refused(Invalid, field="reason")


class TestTheEndOfAnActivation:
    def test_a_healthy_release_becomes_the_active_one(self) -> None:
        given(started(1, 5)).when(complete(1, 5, PORT_1)).then(activated(1, 5, None, PORT_1))

    def test_the_release_that_was_active_is_named_as_the_former(self) -> None:
        given(*LIVE_5, started(2, 6)).when(complete(2, 6, PORT_2)).then(activated(2, 6, 5, PORT_2))

    def test_reported_twice_it_is_recorded_once(self) -> None:
        given(*LIVE_5).when(complete(1, 5, PORT_1)).then_nothing()
        given(started(1, 5), failed(1, 5)).when(fail(1, 5)).then_nothing()

    def test_an_outranked_activation_never_becomes_active(self) -> None:
        given(*LIVE_5, started(2, 6), started(3, 7)).when(complete(2, 6)).then_refused(StaleLease)
        given(*LIVE_5, started(2, 6), rolled_back(3, 5, 5)).when(complete(2, 6)).then_refused(StaleLease)

    def test_an_outranked_activation_cannot_fail_the_one_that_outranks_it(self) -> None:
        given(*LIVE_5, started(2, 6), started(3, 7)).when(fail(2, 6)).then_refused(StaleLease)

    def test_an_activation_that_never_began_cannot_end(self) -> None:
        given().when(complete(1, 5)).then_refused(StaleLease)
        given().when(fail(1, 5)).then_refused(StaleLease)
        given().when(complete(0, 5)).then_refused(Invalid)

    def test_only_the_activations_own_release_becomes_active(self) -> None:
        given(*LIVE_5, started(2, 6)).when(complete(2, 5)).then_refused(Invalid)
        given(*LIVE_5, started(2, 6)).when(fail(2, 5)).then_refused(Invalid)

    def test_a_release_that_never_becomes_healthy_leaves_the_former_one_active(self) -> None:
        given(*LIVE_5, started(2, 6)).when(fail(2, 6)).then(failed(2, 6))
        assert DECIDER.fold([*LIVE_5, started(2, 6), failed(2, 6)]).active == release(5)

    def test_after_a_failure_the_same_activation_cannot_succeed(self) -> None:
        given(*LIVE_5, started(2, 6), failed(2, 6)).when(complete(2, 6)).then_refused(StaleLease)

    def test_after_a_success_the_same_activation_cannot_fail(self) -> None:
        given(*LIVE_5).when(fail(1, 5)).then_nothing()


class TestMovedInstances:
    move = MoveInstances(environment_id=SHOP, release_id=release(5), upstreams=(PORT_2,))

    def test_of_the_active_release_are_recorded(self) -> None:
        moved = InstancesMoved(environment_id=SHOP, release_id=release(5), upstreams=(PORT_2,))
        given(*LIVE_5).when(self.move).then(moved)
        given(*LIVE_5, moved).when(self.move).then_nothing()

    def test_that_listen_where_they_did_are_no_news(self) -> None:
        given(*LIVE_5).when(replace(self.move, upstreams=(PORT_1,))).then_nothing()

    def test_of_a_release_that_is_not_active_are_no_news(self) -> None:
        given(*LIVE_6).when(self.move).then_nothing()
        given().when(self.move).then_nothing()
