"""What readers ask for: where to go on, and in which format."""

from dataclasses import dataclass
from typing import Any

from litestar import Request

from adapters.http.errors import Refusal
from adapters.http.streams.framing import NDJSON, WEBSOCKET
from adapters.linestore import PastRetention
from domain.rejection import Detail, Invalid


@dataclass(frozen=True)
class Cursor:
    """Where a reader goes on."""

    after: int
    resumed: bool
    """It was here before and tells so by ``Last-Event-ID``."""


def cursor(request: Request[Any, Any, Any], after: int) -> Cursor:
    """Where the request goes on: ``Last-Event-ID`` beats ``?after=``. Raises ``Invalid``."""
    last = request.headers.get("last-event-id")
    if not last:
        return Cursor(after, resumed=False)
    if not (last.isascii() and last.isdecimal() and len(last) < 19):
        message = "must be the id of a former event, a line's seq"
        raise Invalid(f"Last-Event-ID: {message}", details=[Detail(field="Last-Event-ID", message=message)])
    return Cursor(int(last), resumed=True)


def wants_ndjson(request: Request[Any, Any, Any]) -> bool:
    """Whether the reader asks for JSON lines instead of events."""
    return NDJSON in request.headers.get("accept", "")


def wants_websocket(request: Request[Any, Any, Any]) -> bool:
    """Whether the reader asks for a WebSocket."""
    return request.headers.get("upgrade", "").strip().casefold() == WEBSOCKET


def past_retention(past: PastRetention) -> Refusal:
    """What is answered to who asks for lines that are no longer kept: never a silent gap."""
    message = f"{past} Ask for what follows seq {past.oldest_seq - 1}."
    return Refusal(410, "past_retention", message, oldest_seq=past.oldest_seq)


def require_kept(after: int, closed_at: int | None) -> None:
    """Raise ``Refusal`` (410) where no line is found behind ``after`` in a log that is known to have had more."""
    if closed_at is not None and after < closed_at:
        raise past_retention(PastRetention(closed_at + 1))
