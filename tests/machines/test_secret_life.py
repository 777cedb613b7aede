"""A secret's versions rise by one, and nothing happens after it was removed."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from commands.secret import DECIDER, SecretCommand
from domain.rejection import Rejection
from domain.secret import Event, SecretRemoved, SecretRotated, SecretSet, SecretValuesDeleted
from tests.commands.test_secret import REMOVE, SET, delete, rotate


class SecretLife(RuleBasedStateMachine):
    """One secret, and people who rotate it at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Event] = []

    def ask(self, command: SecretCommand) -> None:
        """Record what follows from a command, if anything does."""
        try:
            self.facts += DECIDER.decide(command, DECIDER.fold(self.facts))
        except Rejection:
            return

    @rule()
    def set(self) -> None:
        self.ask(SET)

    @rule(version=st.integers(min_value=0, max_value=9))
    def rotate(self, version: int) -> None:
        self.ask(rotate(version))

    @rule()
    def rotate_to_the_next(self) -> None:
        self.ask(rotate(DECIDER.fold(self.facts).version + 1))

    @rule()
    def remove(self) -> None:
        self.ask(REMOVE)

    @rule(pinned=st.frozensets(st.integers(min_value=1, max_value=9), max_size=3))
    def delete_values(self, pinned: frozenset[int]) -> None:
        self.ask(delete(*pinned))
        told = [fact for fact in self.facts if isinstance(fact, SecretValuesDeleted)]
        assert not told or not told[-1].kept or told[-1].kept <= DECIDER.fold(self.facts).version

    @invariant()
    def each_value_is_deleted_once(self) -> None:
        versions = [one for fact in self.facts if isinstance(fact, SecretValuesDeleted) for one in fact.versions]
        assert len(versions) == len({*versions})

    @invariant()
    def versions_rise_by_one(self) -> None:
        versions = [fact.version for fact in self.facts if isinstance(fact, SecretSet | SecretRotated)]
        assert versions == [*range(1, len(versions) + 1)]
        assert DECIDER.fold(self.facts).version == len(versions)

    @invariant()
    def it_is_set_first_and_removed_last(self) -> None:
        living = [fact for fact in self.facts if not isinstance(fact, SecretValuesDeleted)]
        assert not any(isinstance(fact, SecretRemoved) for fact in living[:-1])
        assert living == self.facts[: len(living)]
        assert not any(isinstance(fact, SecretSet) for fact in self.facts[1:])
        assert not self.facts or isinstance(self.facts[0], SecretSet)


TestSecretLife = SecretLife.TestCase
