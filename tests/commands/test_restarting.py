"""Restarting, stopping and starting an environment: what outranks what, and what waits."""

import pytest

from commands.environment import DECIDER, MoveInstances, RestartEnvironment, StopEnvironment
from domain.environment import (
    EnvironmentRestarted,
    EnvironmentStopped,
    InstancesMoved,
    Launch,
    RestartCause,
    RestartPostponed,
    RestartStarted,
    Upstream,
)
from domain.project import RuntimeConfig
from domain.rejection import Conflict, Invalid, StaleLease
from tests.commands.test_environment import (
    LIVE_5,
    LIVE_6,
    PORT_1,
    PORT_2,
    SHOP,
    activated,
    begin,
    complete,
    fail,
    failed,
    given,
    release,
    roll_back,
    rolled_back,
    started,
)

ONE, THREE = RuntimeConfig(instances=1), RuntimeConfig(instances=3)
ASKED, CONFIGURED, STOPPED = RestartCause.ASKED, RestartCause.CONFIGURED, RestartCause.STOPPED


def restart(runtime: RuntimeConfig = THREE, cause: RestartCause = ASKED, why: str | None = None) -> RestartEnvironment:
    return RestartEnvironment(environment_id=SHOP, runtime=runtime, cause=cause, reason=why)


def restarting(
    activation: int, number: int, runtime: RuntimeConfig = THREE, cause: RestartCause = ASKED, why: str | None = None
) -> RestartStarted:
    return RestartStarted(
        environment_id=SHOP, activation=activation, release_id=release(number), runtime=runtime, cause=cause, reason=why
    )


def restarted(
    activation: int, number: int, *upstreams: Upstream, runtime: RuntimeConfig = THREE
) -> EnvironmentRestarted:
    launch = Launch(number=activation, runtime=runtime)
    return EnvironmentRestarted(
        environment_id=SHOP, activation=activation, release_id=release(number), launch=launch, upstreams=upstreams
    )


def stopped(activation: int, number: int | None, why: str | None = None) -> EnvironmentStopped:
    active = release(number) if number else None
    return EnvironmentStopped(environment_id=SHOP, activation=activation, release_id=active, reason=why)


def postponed(runtime: RuntimeConfig = THREE) -> RestartPostponed:
    return RestartPostponed(environment_id=SHOP, runtime=runtime)


STOP = StopEnvironment(environment_id=SHOP)
RESTARTED_5 = (*LIVE_5, restarting(2, 5), restarted(2, 5, PORT_2))
"""Deployment 5's release was restarted."""
STOPPED_5 = (*LIVE_5, stopped(2, 5))
"""And was stopped instead."""


class TestARestart:
    def test_is_the_next_activation_of_the_active_release(self) -> None:
        given(*LIVE_5).when(restart(why="It leaks.")).then(restarting(2, 5, why="It leaks."))

    def test_ends_with_the_configuration_that_it_was_begun_with(self) -> None:
        given(*LIVE_5, restarting(2, 5)).when(complete(2, 5, PORT_2)).then(restarted(2, 5, PORT_2))

    def test_that_fails_leaves_what_ran(self) -> None:
        given(*LIVE_5, restarting(2, 5)).when(fail(2, 5)).then(failed(2, 5))
        state = DECIDER.fold([*LIVE_5, restarting(2, 5), failed(2, 5)])
        assert (state.upstreams, state.launch, state.activating) == ((PORT_1,), Launch(), None)

    def test_asked_for_twice_is_one(self) -> None:
        given(*LIVE_5, restarting(2, 5)).when(restart()).then_nothing()

    def test_asked_for_again_after_it_ended_is_another(self) -> None:
        given(*RESTARTED_5).when(restart()).then(restarting(3, 5))

    def test_with_another_configuration_outranks_one_that_is_under_way(self) -> None:
        given(*LIVE_5, restarting(2, 5)).when(restart(ONE)).then(restarting(3, 5, ONE))
        given(*LIVE_5, restarting(2, 5), restarting(3, 5, ONE)).when(complete(2, 5)).then_refused(StaleLease)

    def test_outranks_no_deployment_and_no_rollback(self) -> None:
        given(*LIVE_5, started(2, 6)).when(restart()).then_refused(Conflict, "activating")
        given(*LIVE_6, rolled_back(3, 5, 6)).when(restart()).then_refused(Conflict, "activating")

    def test_is_outranked_by_a_deployment(self) -> None:
        given(*LIVE_5, restarting(2, 5)).when(begin(6)).then(started(3, 6))

    def test_needs_something_that_was_live(self) -> None:
        given().when(restart()).then_refused(Conflict, "nothing_active")
        given(*STOPPED_5).when(restart()).then_refused(Conflict, "stopped")

    def test_reasons_have_a_bound(self) -> None:
        given(*LIVE_5).when(restart(why="x" * 501)).then_refused(Invalid, field="reason")

    def test_a_later_release_runs_as_it_was_cut(self) -> None:
        state = DECIDER.fold([*RESTARTED_5, started(3, 6), activated(3, 6, 5, PORT_1)])
        assert state.launch == state.launching == Launch()


class TestAConfiguration:
    def test_restarts_what_is_live(self) -> None:
        given(*LIVE_5).when(restart(cause=CONFIGURED)).then(restarting(2, 5, cause=CONFIGURED))

    def test_that_is_in_use_already_restarts_nothing(self) -> None:
        given(*RESTARTED_5).when(restart(cause=CONFIGURED)).then_nothing()

    @pytest.mark.parametrize("past", [(), STOPPED_5])
    def test_restarts_nothing_where_nothing_runs(self, past: tuple[object, ...]) -> None:
        given(*past).when(restart(cause=CONFIGURED)).then_nothing()

    def test_waits_for_the_release_that_is_being_made_live(self) -> None:
        begun = (*LIVE_5, started(2, 6))
        given(*begun).when(restart(cause=CONFIGURED)).then(postponed())
        given(*begun, postponed()).when(restart(cause=CONFIGURED)).then_nothing()
        given(*begun, postponed()).when(complete(2, 6, PORT_2)).then(
            activated(2, 6, 5, PORT_2), restarting(3, 6, cause=CONFIGURED)
        )

    def test_that_waited_restarts_the_former_release_where_the_other_never_became_live(self) -> None:
        begun = (*LIVE_5, started(2, 6), postponed())
        given(*begun).when(fail(2, 6)).then(failed(2, 6), restarting(3, 5, cause=CONFIGURED))
        given(started(1, 5), postponed()).when(fail(1, 5)).then(failed(1, 5))

    def test_waits_no_more_once_it_was_restarted(self) -> None:
        done = (*LIVE_5, started(2, 6), postponed(), activated(2, 6, 5), restarting(3, 6, cause=CONFIGURED))
        given(*done).when(complete(3, 6)).then(restarted(3, 6))


class TestAStop:
    def test_is_recorded_once(self) -> None:
        given(*LIVE_5).when(StopEnvironment(environment_id=SHOP, reason="Costs.")).then(stopped(2, 5, "Costs."))
        given(*STOPPED_5).when(STOP).then_nothing()

    def test_leaves_nothing_that_answers(self) -> None:
        state = DECIDER.fold([*STOPPED_5])
        assert (state.active, state.upstreams, state.stopped) == (release(5), (), True)

    def test_outranks_whatever_is_under_way(self) -> None:
        given(*LIVE_5, started(2, 6)).when(STOP).then(stopped(3, 5))
        given(*LIVE_5, started(2, 6), stopped(3, 5)).when(complete(2, 6)).then_refused(StaleLease)
        given(*LIVE_5, started(2, 6), stopped(3, 5)).when(begin(6, lease=2)).then_refused(Conflict, "superseded")
        given(*STOPPED_5, restarting(3, 5, cause=STOPPED)).when(STOP).then(stopped(4, 5))

    def test_of_what_never_was_is_refused(self) -> None:
        given().when(STOP).then_refused(Conflict, "nothing_active")

    def test_is_ended_by_a_deployment(self) -> None:
        state = DECIDER.fold([*STOPPED_5, started(3, 6), activated(3, 6, 5, PORT_2)])
        assert (state.active, state.stopped, state.upstreams) == (release(6), False, (PORT_2,))

    def test_is_not_ended_by_a_deployment_that_fails(self) -> None:
        assert DECIDER.fold([*STOPPED_5, started(3, 6), failed(3, 6)]).stopped

    def test_forgets_a_configuration_that_waits_as_a_start_takes_the_newest(self) -> None:
        assert DECIDER.fold([*LIVE_5, started(2, 6), postponed(), stopped(3, 5)]).postponed is None

    def test_lets_a_rollback_to_the_release_that_would_be_started_say_so(self) -> None:
        given(*STOPPED_5).when(roll_back(5)).then_refused(Conflict, "already_active")


class TestAStart:
    def test_begins_the_release_that_was_active_with_the_configuration_of_the_moment(self) -> None:
        given(*STOPPED_5).when(restart(cause=STOPPED)).then(restarting(3, 5, cause=STOPPED))
        state = DECIDER.fold([*STOPPED_5, restarting(3, 5, cause=STOPPED), restarted(3, 5, PORT_2)])
        assert (state.stopped, state.upstreams) == (False, (PORT_2,))

    def test_that_fails_leaves_it_stopped(self) -> None:
        assert DECIDER.fold([*STOPPED_5, restarting(3, 5, cause=STOPPED), failed(3, 5)]).stopped

    def test_where_something_runs_or_is_started_changes_nothing(self) -> None:
        given(*LIVE_5).when(restart(cause=STOPPED)).then_nothing()
        given(*STOPPED_5, restarting(3, 5, cause=STOPPED)).when(restart(cause=STOPPED)).then_nothing()
        given(*STOPPED_5, started(3, 6)).when(restart(cause=STOPPED)).then_nothing()

    def test_of_what_never_was_is_refused(self) -> None:
        given().when(restart(cause=STOPPED)).then_refused(Conflict, "nothing_active")


class TestMovedInstances:
    def test_of_an_earlier_launch_or_of_a_stopped_environment_are_no_news(self) -> None:
        move = MoveInstances(environment_id=SHOP, release_id=release(5), upstreams=(PORT_1,))
        given(*RESTARTED_5).when(move).then_nothing()
        given(*STOPPED_5).when(move).then_nothing()

    def test_of_the_launch_that_serves_are_recorded(self) -> None:
        move = MoveInstances(environment_id=SHOP, release_id=release(5), launch=2, upstreams=(PORT_1,))
        moved = InstancesMoved(environment_id=SHOP, release_id=release(5), upstreams=(PORT_1,))
        given(*RESTARTED_5).when(move).then(moved)


def test_the_report_of_a_restart_is_taken_once() -> None:
    given(*RESTARTED_5).when(complete(2, 5, PORT_2)).then_nothing()
