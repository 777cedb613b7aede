"""A decider: how one kind of thing decides, and what follows from what it decided."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F")


@dataclass(frozen=True)
class Decider(Generic[C, S, F]):
    """``decide(command, state) -> facts`` may refuse and never writes; ``evolve(state, fact)`` never refuses.

    A thing belongs to the tenant of its first fact, and only that tenant's commands reach it, unless it
    ``crosses_tenants`` (an account works in several workspaces).
    """

    category: str
    initial: S
    decide: Callable[[C, S], Sequence[F]]
    evolve: Callable[[S, F], S]
    crosses_tenants: bool = False

    def fold(self, facts: Iterable[F]) -> S:
        """The state after ``facts``, from the beginning."""
        state = self.initial
        for fact in facts:
            state = self.evolve(state, fact)
        return state


AnyDecider = Decider[Any, Any, Any]
