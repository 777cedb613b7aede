"""What a handler knows of the streams that it has read: each fact is read and folded once, however long a stream is."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from commands.decider import AnyDecider
from domain.history import Recorded
from domain.identifiers import CausationId, StreamName, TenantId

MOST_FACTS = 50_000
"""Of so many facts the consequences are kept, about 100 B each; the streams used longest ago are forgotten first."""


class Known:
    """A stream as far as it was read: what follows from its facts, who caused them, and whose it is."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.version = 0
        self.position = 0
        self.tenant_id: TenantId | None = None
        self.causes: set[CausationId] = set()

    def hear(self, decider: AnyDecider, facts: Iterable[Recorded]) -> None:
        """Take the facts that follow; those that were heard already are passed over."""
        for recorded in facts:
            if recorded.version == self.version + 1:
                self.state = decider.evolve(self.state, recorded.fact)
                self.version, self.position = recorded.version, recorded.position
                self.tenant_id = self.tenant_id or recorded.context.tenant_id
                self.causes.add(recorded.context.causation_id)


class Recollection:
    """The streams that were used last."""

    def __init__(self) -> None:
        self._streams: OrderedDict[StreamName, tuple[Known, int]] = OrderedDict()
        self._facts = 0

    def __contains__(self, name: StreamName) -> bool:
        """Whether anything is known of the stream."""
        return name in self._streams

    def of(self, name: StreamName, decider: AnyDecider) -> Known:
        """What is known of the stream."""
        known, _ = self._streams.get(name, (Known(decider.initial), 0))
        return known

    def keep(self, name: StreamName, known: Known) -> None:
        """Remember what is known of the stream, which was used just now."""
        _, before = self._streams.pop(name, (known, 0))
        self._streams[name] = known, known.version
        self._facts += known.version - before
        while self._facts > MOST_FACTS:
            _, (_, forgotten) = self._streams.popitem(last=False)
            self._facts -= forgotten

    def forget(self, name: StreamName) -> None:
        """Read the stream from its beginning the next time."""
        _, forgotten = self._streams.pop(name, (None, 0))
        self._facts -= forgotten
