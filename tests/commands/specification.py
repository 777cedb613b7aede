"""Given these facts, when this is asked, then these facts follow, or a refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from commands.command import Command
from commands.decider import AnyDecider
from domain.fact import Fact
from domain.rejection import Rejection


@dataclass(frozen=True)
class Asked:
    """A command on its way to a decider whose state is known."""

    decide: Callable[[], Sequence[Fact]]

    def then(self, *facts: Fact) -> None:
        """Exactly these facts follow; without any, the command changes nothing."""
        assert tuple(self.decide()) == facts

    def then_nothing(self) -> None:
        """What is asked for is so already."""
        self.then()

    def then_refused(self, rejection: type[Rejection], code: str | None = None, *, field: str | None = None) -> None:
        """A rule refuses with exactly this kind of rejection, and says what and (for a field) where."""
        with pytest.raises(Rejection) as caught:
            self.decide()
        refusal = caught.value
        assert type(refusal) is rejection
        assert refusal.code == (code or rejection.code)
        assert field is None or field in [detail.field for detail in refusal.details]
        assert refusal.message.strip()


@dataclass(frozen=True)
class Given:
    """A thing with a past."""

    decider: AnyDecider
    facts: tuple[Fact, ...]

    def when(self, command: Command) -> Asked:
        """Ask for something."""
        state = self.decider.fold(self.facts)
        return Asked(lambda: self.decider.decide(command, state))


def specification(decider: AnyDecider) -> Callable[..., Given]:
    """``given`` for one decider: ``given(facts…).when(command).then(facts…)``."""
    return lambda *facts: Given(decider, facts)
