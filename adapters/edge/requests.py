"""Requests as the access log tells of them: from Caddy's lines to ours.

Kept are method, path, status, bytes, duration, address, host, user agent and release. Query strings, cookies and every
other header never reach this module: Caddy leaves them out (``adapters.edge.caddy``). What is long is cut.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from adapters.linestore import Stream
from domain.identifiers import EnvironmentId

USUAL: Stream = "stdout"
NOTABLE: Stream = "stderr"
"""Requests that failed (4xx, 5xx) or that were no GET: what document 002 has an access log show."""

_LONGEST_PATH = 2048
_LONGEST_AGENT = 512
_LONGEST_NAME = 255


class Request(msgspec.Struct, frozen=True, array_like=True):
    """A request that was answered, as one line of a log: an array in JSON. ``at`` (in microseconds since 1970) is when
    the answer was complete."""

    at: int
    method: str
    path: str
    status: int
    bytes: int
    duration_us: int
    client_address: str
    host: str
    user_agent: str
    release_id: str

    @property
    def stream(self) -> Stream:
        """Where it belongs in its log."""
        return NOTABLE if self.status >= 400 or self.method != "GET" else USUAL


class Found(NamedTuple):
    """A request of an environment. ``offset`` is the place behind it in what Caddy wrote."""

    environment_id: EnvironmentId
    offset: int
    stream: Stream
    line: bytes


class _Asked(msgspec.Struct):
    method: str
    host: str
    uri: str
    client_ip: str = ""


class _Entry(msgspec.Struct):
    """What we take of a line of Caddy's access log."""

    ts: float
    request: _Asked
    status: int
    size: int
    duration: float
    environment: str = ""
    release: str = ""
    user_agent: str = ""


_entry = msgspec.json.Decoder(_Entry).decode
_line = msgspec.json.Encoder().encode
decoded = msgspec.json.Decoder(Request).decode
"""A request from its line. Raises ``msgspec.DecodeError`` for any other line."""


def found(data: bytes, offset: int) -> Iterator[Found]:
    """The requests in whole lines of Caddy's, the first of which begins at ``offset``; those that are nobody's are left
    out, and so are lines that a crash cut short."""
    for line in data.splitlines(keepends=True):
        offset += len(line)
        try:
            entry = _entry(line)
        except msgspec.DecodeError:
            continue
        if entry.environment:
            request = _request(entry)
            yield Found(EnvironmentId(entry.environment), offset, request.stream, _line(request))


def _request(entry: _Entry) -> Request:
    asked = entry.request
    return Request(
        at=round(entry.ts * 1e6),
        method=asked.method[:_LONGEST_NAME],
        path=asked.uri.partition("?")[0][:_LONGEST_PATH],
        status=entry.status,
        bytes=entry.size,
        duration_us=round(entry.duration * 1e6),
        client_address=asked.client_ip,
        host=asked.host[:_LONGEST_NAME],
        user_agent=entry.user_agent[:_LONGEST_AGENT],
        release_id=entry.release,
    )
