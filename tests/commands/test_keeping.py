"""Which releases can still be made live: pinned, expired, in use."""

from contextlib import suppress

from hypothesis import given as whenever
from hypothesis import strategies as st

from commands.command import Command
from commands.environment import DECIDER, CloseEnvironment, EnvironmentCommand, RollBackEnvironment, StopEnvironment
from commands.keeping import MOST_PINNED, ExpireRelease, PinRelease, UnpinRelease
from domain.environment import EnvironmentClosed
from domain.keeping import ReleaseExpired, ReleasePinned, ReleaseUnpinned
from domain.rejection import Conflict, Invalid, Rejection
from tests.commands.specification import specification
from tests.commands.test_environment import SHOP, activated, begin, complete, cut, fail, failed, release, started

given = specification(DECIDER)


def pin(number: int, reason: str | None = None) -> PinRelease:
    return PinRelease(environment_id=SHOP, release_id=release(number), deployment_number=number, reason=reason)


def unpin(number: int) -> UnpinRelease:
    return UnpinRelease(environment_id=SHOP, release_id=release(number), deployment_number=number)


def expire(number: int) -> ExpireRelease:
    return ExpireRelease(environment_id=SHOP, release_id=release(number), deployment_number=number)


def pinned(number: int, reason: str | None = None) -> ReleasePinned:
    return ReleasePinned(environment_id=SHOP, release_id=release(number), deployment_number=number, reason=reason)


def unpinned(number: int) -> ReleaseUnpinned:
    return ReleaseUnpinned(environment_id=SHOP, release_id=release(number), deployment_number=number)


def expired(number: int) -> ReleaseExpired:
    return ReleaseExpired(environment_id=SHOP, release_id=release(number), deployment_number=number)


def roll_back(number: int) -> RollBackEnvironment:
    return RollBackEnvironment(environment_id=SHOP, release=cut(number))


CLOSED = EnvironmentClosed(environment_id=SHOP, former_release_id=None)
LIVED = (
    started(1, 1),
    activated(1, 1, None),
    started(2, 2),
    activated(2, 2, 1),
    started(3, 3),
    activated(3, 3, 2),
)
"""Three releases were live, one after the other."""


def test_a_release_that_nobody_needs_expires_once() -> None:
    given(*LIVED).when(expire(1)).then(expired(1))
    given(*LIVED, expired(1)).when(expire(1)).then_nothing()


def test_what_is_active_or_was_replaced_last_does_not_expire() -> None:
    given(*LIVED).when(expire(3)).then_nothing()
    given(*LIVED).when(expire(2)).then_nothing()


def test_what_is_being_made_live_does_not_expire_and_does_when_that_failed() -> None:
    given(*LIVED, started(4, 4)).when(expire(4)).then_nothing()
    given(*LIVED, started(4, 4), failed(4, 4)).when(expire(4)).then(expired(4))


def test_a_pinned_release_expires_only_after_it_is_unpinned() -> None:
    given(*LIVED).when(pin(1, "the fair")).then(pinned(1, "the fair"))
    given(*LIVED, pinned(1)).when(pin(1)).then_nothing()
    given(*LIVED, pinned(1)).when(expire(1)).then_nothing()
    given(*LIVED, pinned(1)).when(unpin(1)).then(unpinned(1))
    given(*LIVED, pinned(1), unpinned(1)).when(expire(1)).then(expired(1))
    given(*LIVED).when(unpin(1)).then_nothing()


def test_an_expired_release_is_neither_rolled_back_to_nor_deployed_nor_pinned() -> None:
    given(*LIVED, expired(1)).when(roll_back(1)).then_refused(Conflict, "release_expired")
    given(*LIVED, expired(4)).when(begin(4)).then_refused(Conflict, "release_expired")
    given(*LIVED, expired(1)).when(pin(1)).then_refused(Conflict, "release_expired")


def test_of_a_deleted_environment_everything_expires_and_nothing_is_pinned() -> None:
    for number in (1, 2, 3):
        given(*LIVED, pinned(1), CLOSED).when(expire(number)).then(expired(number))
    given(*LIVED, CLOSED).when(pin(1)).then_refused(Conflict, "environment_deleted")


def test_pins_have_a_bound_and_reasons_too() -> None:
    given(*(pinned(number) for number in range(MOST_PINNED))).when(pin(500)).then_refused(Conflict, "too_many_pinned")
    given(*LIVED).when(pin(1, "x" * 501)).then_refused(Invalid, field="reason")


NUMBERS = st.integers(1, 4)
COMMANDS: st.SearchStrategy[EnvironmentCommand] = st.one_of(
    st.builds(begin, NUMBERS),
    st.builds(complete, st.integers(1, 6), NUMBERS),
    st.builds(fail, st.integers(1, 6), NUMBERS),
    st.builds(roll_back, NUMBERS),
    st.builds(pin, NUMBERS),
    st.builds(unpin, NUMBERS),
    st.builds(expire, NUMBERS),
    st.just(StopEnvironment(environment_id=SHOP)),
    st.just(CloseEnvironment(environment_id=SHOP)),
)


@whenever(st.lists(COMMANDS, max_size=40))
def test_what_is_active_being_made_live_pinned_or_replaced_last_has_never_expired(asked: list[Command]) -> None:
    state = DECIDER.initial
    for command in asked:
        with suppress(Rejection):
            for fact in DECIDER.decide(command, state):
                if isinstance(fact, ReleaseExpired) and not state.closed:
                    needed = {state.active, state.activating, state.former, *state.keeping.pinned}
                    assert fact.release_id not in needed
                state = DECIDER.evolve(state, fact)
        assert not state.keeping.expired & {state.active, state.activating, *state.keeping.pinned}
        assert state.closed or state.former not in state.keeping.expired
