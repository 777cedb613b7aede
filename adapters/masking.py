"""Secret values never show in a log, in whatever common spelling and however the stream is cut into chunks.

A value of fewer than four characters is left alone: masking every "1" would destroy the log and hide nothing. So is
each line that short of a value of several lines; of its other lines, each is masked by itself.
Only the standard library: keepers mask with it.
"""

import base64
import html
import json
from collections.abc import Iterable, Iterator
from typing import Protocol
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Characters of the shortest value that is masked."""
MASK = b"***"


class Secret(Protocol):
    """What is masked, such as a ``SecretValue``."""

    @property
    def reveal(self) -> str:
        """The value."""
        ...


class Masks:
    """All spellings of some secret values, looked for in any number of streams."""

    def __init__(self, values: Iterable[Secret] = ()) -> None:
        spellings = {spelling for value in values for spelling in _spellings(value.reveal)}
        self._spellings = tuple(sorted(spellings))
        self.longest = max(map(len, self._spellings), default=0)

    def stream(self) -> "MaskedStream":
        """A stream of its own."""
        return MaskedStream(self)

    def masked(self, text: str) -> str:
        """A text that is whole, such as an error message."""
        stream = self.stream()
        return (stream.feed(text.encode("utf-8", "replace")) + stream.end()).decode()

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where secrets stand in ``text``, in any order; they may overlap."""
        # bytes.find skips ahead: hundreds of megabytes a second and spelling, far more than an alternation of all.
        for spelling in self._spellings:
            start = text.find(spelling)
            while start >= 0:
                yield start, start + len(spelling)
                start = text.find(spelling, start + 1)


class MaskedStream:
    """One stream. What it gives, put together, does not depend on how the input was cut.

    No spelling contains a line feed, so a finished line is given at once, and of an unfinished one all but what the
    longest spelling may still reach into.
    """

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._kept = b""
        self._covered = 0
        """So many bytes at the start of what is kept belong to a secret whose mask was given."""

    @property
    def kept(self) -> int:
        """How many bytes of the input are kept back."""
        return len(self._kept)

    @property
    def within_secret(self) -> bool:
        """Whether what is kept starts within a secret: it could not be told from plain text by itself."""
        return self._covered > 0

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, and give what is certain by now."""
        text = self._kept + data
        reach = max(self._masks.longest - 1, 0)
        return self._give(text, max(text.rfind(b"\n") + 1, len(text) - reach, 0))

    def end(self) -> bytes:
        """Give what is left."""
        return self._give(self._kept, len(self._kept))

    def _give(self, text: bytes, boundary: int) -> bytes:
        if not boundary:
            self._kept = text
            return b""
        given: list[bytes] = []
        at = 0
        for start, end in _merged(self._masks.spans(text), self._covered):
            if start >= boundary:
                break
            if start or not self._covered:
                given += (text[at:start], MASK)
            at = end
        given.append(text[at:boundary])
        self._covered = max(at - boundary, 0)
        self._kept = text[boundary:]
        return b"".join(given)


def _merged(spans: Iterable[tuple[int, int]], covered: int) -> Iterator[tuple[int, int]]:
    """The spans in order, those that overlap made one. The first ``covered`` bytes are a span as well."""
    ordered = sorted([*spans, (0, covered)] if covered else spans)
    merged: list[list[int]] = []
    for start, end in ordered:
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return ((start, end) for start, end in merged)


def _spellings(value: str) -> Iterator[bytes]:
    """How a value may be written in a log: as it is, and as tools, shells and serialisers encode it."""
    lines = {line for line in value.splitlines() if len(line.strip()) >= SHORTEST}
    for text in {value, value.strip(), *lines, *(line.strip() for line in lines)}:
        if len(text.strip()) >= SHORTEST:
            for spelling in {*_escaped(text), *_encoded(text.encode("utf-8", "replace"))}:
                if len(spelling) >= SHORTEST and b"\n" not in spelling:
                    yield spelling


def _escaped(text: str) -> Iterator[bytes]:
    json_escaped = json.dumps(text)[1:-1]
    forms = {
        text,
        json_escaped,
        json_escaped.replace("/", "\\/"),
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text, quote=True),
        html.escape(text, quote=False),
        text.replace("'", "''"),
        text.replace("'", "'\\''"),
        text.replace('"', '\\"'),
    }
    yield from (form.encode("utf-8", "replace") for form in forms)
    for escaped in (quote(text, safe="", errors="replace"), quote(text, errors="replace"), quote_plus(text)):
        yield escaped.encode()
        yield _lower_escapes(escaped).encode()


def _lower_escapes(escaped: str) -> str:
    """``%2F`` as ``%2f``."""
    first, *rest = escaped.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def _encoded(data: bytes) -> Iterator[bytes]:
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        yield encode(data)
        yield encode(data).rstrip(b"=")
        for before in range(3):
            # The value may start at any of the three places of a base64 group, after ``before`` bytes of something
            # else. The characters that share bits with what is around the value are left off.
            bits = 8 * (before + len(data))
            yield encode(bytes(before) + data)[-(-8 * before // 6) : bits // 6]
