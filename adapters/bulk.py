"""Very many facts of the log: read by position, told apart before they are decoded, and folded without a pause."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from adapters.database import Database
from adapters.folding import Folding, fold
from adapters.mapping import Mapper, UnreadableFact
from adapters.upcasting import UPCASTERS
from domain.catalogue import FACTS
from domain.history import Recorded
from projections.changes import ReadModel

StoredFact = tuple[int, str, int, str, bytes]
"""position, stream, version, tag, state."""

FACTS_AT_ONCE = 250
"""So many are decoded and folded before other tasks of the process have their turn: a few milliseconds."""

_COLLECTED_EVERY = 100_000


class Passage:
    """The facts of the log that some read models take, in pages by position."""

    def __init__(self, database: Database, models: Sequence[ReadModel], mapper: Mapper | None = None) -> None:
        self._database = database
        self._mapper = mapper or Mapper()
        self._skipped = [
            tag
            for tag, fact in FACTS.items()
            if tag not in UPCASTERS and not any(model.is_about(fact) for model in models)
        ]

    async def page(self, after: int, until: int) -> list[StoredFact]:
        """The facts behind position ``after`` up to ``until``, without those that no model takes."""
        return await self._database.fetch(
            "SELECT position, stream, version, tag, state FROM log.events"
            " WHERE position > %s AND position <= %s AND tag <> ALL(%s) ORDER BY position",
            [after, until, self._skipped],
        )

    async def fold(self, foldings: Sequence[Folding], page: Sequence[StoredFact], until: int) -> int:
        """Fold a page that reaches up to ``until``; the position passed, which is less before an unreadable fact.

        Raises ``UnprojectableFact``.
        """
        passed = until
        for start in range(0, len(page), FACTS_AT_ONCE):
            stored = page[start : start + FACTS_AT_ONCE]
            facts = self._recorded(stored)
            fold(foldings, facts)
            if len(facts) < len(stored):
                passed = stored[len(facts)][0] - 1
                break
            await asyncio.sleep(0)
        fold(foldings, [], passed)
        return passed

    def _recorded(self, page: Sequence[StoredFact]) -> list[Recorded]:
        """The facts, up to the first one that cannot be read."""
        facts: list[Recorded] = []
        with suppress(UnreadableFact):
            for stored in page:
                facts.append(self._mapper.recorded(*stored))  # noqa: PERF401 - those before it are kept
        return facts


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector rest: it would look through all facts again and again, and none is part of a cycle.

    What else the process leaves meanwhile is collected once in so many facts (``collect``).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def collect(former: int, position: int) -> None:
    """Collect garbage if so many facts have passed since the last time."""
    if position // _COLLECTED_EVERY > former // _COLLECTED_EVERY:
        gc.collect()
