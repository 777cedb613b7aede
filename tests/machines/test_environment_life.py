"""Whatever overlaps: exactly one release is active, and it is that of the newest activation that succeeded."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from commands.environment import DECIDER, EnvironmentCommand, MoveInstances, RestartEnvironment, StopEnvironment
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentRestarted,
    EnvironmentRolledBack,
    EnvironmentStopped,
    Event,
    InstancesMoved,
    ReleaseActivated,
    RestartCause,
    RestartStarted,
    Upstream,
)
from domain.project import RuntimeConfig
from domain.rejection import Rejection
from tests.commands.test_environment import SHOP, begin, complete, fail, release, roll_back

NUMBERS = st.integers(min_value=1, max_value=4)
ACTIVATIONS = st.integers(min_value=0, max_value=6)
UPSTREAMS = st.sampled_from([(), (Upstream(host="a", port=1),), (Upstream(host="a", port=2),)])


Begun = ActivationStarted | EnvironmentRolledBack | RestartStarted


class EnvironmentLife(RuleBasedStateMachine):
    """One environment, overlapping deployments with leases that are taken over; rollbacks, restarts, stops between."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Event] = []

    def ask(self, command: EnvironmentCommand) -> None:
        """Record what follows from a command, if anything does."""
        state = DECIDER.fold(self.facts)
        try:
            self.facts += DECIDER.decide(command, state)
        except Rejection:
            assert DECIDER.fold(self.facts) == state

    @rule(number=NUMBERS, lease=st.integers(min_value=1, max_value=3))
    def begin(self, number: int, lease: int) -> None:
        self.ask(begin(number, lease))

    @rule(number=NUMBERS)
    def roll_back(self, number: int) -> None:
        self.ask(roll_back(number))

    @rule(activation=ACTIVATIONS, number=NUMBERS, upstreams=UPSTREAMS)
    def complete(self, activation: int, number: int, upstreams: tuple[Upstream, ...]) -> None:
        self.ask(complete(activation, number, *upstreams))

    @rule(upstreams=UPSTREAMS)
    def complete_the_newest(self, upstreams: tuple[Upstream, ...]) -> None:
        for number in range(1, 5):
            self.ask(complete(DECIDER.fold(self.facts).activation, number, *upstreams))

    @rule()
    def fail_the_newest(self) -> None:
        for number in range(1, 5):
            self.ask(fail(DECIDER.fold(self.facts).activation, number))

    @rule(activation=ACTIVATIONS, number=NUMBERS)
    def fail(self, activation: int, number: int) -> None:
        self.ask(fail(activation, number))

    @rule(number=NUMBERS, upstreams=UPSTREAMS)
    def move(self, number: int, upstreams: tuple[Upstream, ...]) -> None:
        self.ask(MoveInstances(environment_id=SHOP, release_id=release(number), upstreams=upstreams))

    @rule(instances=NUMBERS, cause=st.sampled_from(RestartCause))
    def restart(self, instances: int, cause: RestartCause) -> None:
        runtime = RuntimeConfig(instances=instances)
        self.ask(RestartEnvironment(environment_id=SHOP, runtime=runtime, cause=cause))

    @rule()
    def stop(self) -> None:
        self.ask(StopEnvironment(environment_id=SHOP))

    @invariant()
    def activations_are_numbered_without_a_gap(self) -> None:
        begun = [fact for fact in self.facts if isinstance(fact, Begun | EnvironmentStopped)]
        assert [fact.activation for fact in begun] == [*range(1, len(begun) + 1)]

    @invariant()
    def an_activation_ends_at_most_once_while_it_is_the_newest_with_its_own_release(self) -> None:
        newest: Begun | None = None
        for fact in self.facts:
            match fact:
                case ActivationStarted() | EnvironmentRolledBack() | RestartStarted():
                    newest = fact
                case EnvironmentStopped():
                    newest = None
                case ReleaseActivated() | ActivationFailed() | EnvironmentRestarted():
                    assert newest is not None
                    assert (fact.activation, fact.release_id) == (newest.activation, newest.release_id)
                    newest = None

    @invariant()
    def the_active_release_is_the_one_that_was_activated_last(self) -> None:
        active, upstreams, last = None, (), 0
        for fact in self.facts:
            match fact:
                case ReleaseActivated():
                    assert fact.former_release_id == active
                    assert fact.activation > last
                    active, upstreams, last = fact.release_id, fact.upstreams, fact.activation
                case EnvironmentRestarted():
                    assert fact.release_id == active
                    assert fact.launch.number == fact.activation > last
                    upstreams, last = fact.upstreams, fact.activation
                case EnvironmentStopped():
                    assert fact.release_id == active
                    upstreams = ()
                case InstancesMoved():
                    assert fact.release_id == active
                    assert fact.upstreams != upstreams
                    upstreams = fact.upstreams
        state = DECIDER.fold(self.facts)
        assert (state.active, state.upstreams) == (active, upstreams)

    @invariant()
    def a_configuration_is_never_forgotten_while_something_runs(self) -> None:
        state = DECIDER.fold(self.facts)
        assert state.postponed is None or (state.activating is not None and not state.launching.number)

    @invariant()
    def deployments_and_their_leases_never_go_back(self) -> None:
        order = [
            (fact.deployment_number, fact.fencing_token) for fact in self.facts if isinstance(fact, ActivationStarted)
        ]
        assert order == sorted(order)

    @invariant()
    def a_rollback_is_never_undone_by_the_deployment_that_it_overtook(self) -> None:
        overtaken: set[int] = set()
        newest = 0
        for fact in self.facts:
            match fact:
                case EnvironmentRolledBack():
                    overtaken |= {newest} if fact.release_id != release(newest) else set()
                    overtaken -= {newest} if fact.release_id == release(newest) else set()
                case ActivationStarted():
                    assert fact.deployment_number not in overtaken
                    newest = fact.deployment_number


TestEnvironmentLife = EnvironmentLife.TestCase
