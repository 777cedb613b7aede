"""The tagged mapper: facts to stored events and back. A stored name is a tag, never a Python path (rule 4)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from adapters.upcasting import UPCASTERS, Upcaster, upcast
from domain.catalogue import FACTS, AnyFact
from domain.fact import Fact, tag_of
from domain.history import Context, Recorded
from domain.identifiers import StreamName


class UnreadableFact(Exception):
    """A stored fact has a tag or a shape that this version does not know. A reader stops here; it does not guess."""


class Stored(NamedTuple):
    """Events that follow one another in a stream, as the log keeps them, column by column."""

    stream: str
    first: int
    """The first event's version."""
    tags: Sequence[str]
    states: Sequence[bytes]

    @property
    def last(self) -> int:
        """The last event's version."""
        return self.first + len(self.tags) - 1


class _Entry(msgspec.Struct, frozen=True):
    """The state of a stored event: ``{"context": …, "fact": {"fact": <tag>, …}}``."""

    context: Context
    fact: AnyFact


class _OldEntry(msgspec.Struct, frozen=True):
    """The same, before its fact was upcast."""

    context: Context
    fact: dict[str, Any]


_encode = msgspec.json.Encoder().encode
_entry = msgspec.json.Decoder(_Entry)
_old_entry = msgspec.json.Decoder(_OldEntry)


class Mapper:
    """Facts to stored events and back."""

    def __init__(self, upcasters: Mapping[str, Upcaster] = UPCASTERS) -> None:
        self._upcasters = upcasters

    def stored(self, stream: StreamName, version: int, facts: Sequence[Fact], context: Context) -> Stored:
        """The facts as the log keeps them; the first one's version is ``version`` + 1."""
        head = b'{"context":' + _encode(context) + b',"fact":'  # the context is encoded once for all of them
        states = [head + _encode(fact) + b"}" for fact in facts]
        return Stored(stream, version + 1, [tag_of(fact) for fact in facts], states)

    def recorded(self, position: int, stream: str, version: int, tag: str, state: bytes) -> Recorded:
        """The fact in its place, in today's shape. Raises ``UnreadableFact``."""
        try:
            entry = self._decode(tag, state)
        except msgspec.DecodeError as problem:
            known = "" if tag in FACTS else " Its tag is not known to this version of Shipbook."
            raise UnreadableFact(
                f"The fact {tag!r} at position {position} ({stream}@{version}) cannot be read: {problem}.{known}"
            ) from problem
        return Recorded(
            position=position, stream=StreamName(stream), version=version, fact=entry.fact, context=entry.context
        )

    def _decode(self, tag: str, state: bytes) -> _Entry:
        if tag not in self._upcasters:
            return _entry.decode(state)
        old = _old_entry.decode(state)
        return _Entry(old.context, msgspec.convert(upcast(old.fact, self._upcasters), AnyFact))
