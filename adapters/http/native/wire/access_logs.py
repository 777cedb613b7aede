"""The requests that an environment answered."""

from datetime import datetime
from typing import Annotated

from adapters.http.native.wire.shapes import Out, said


class RequestOut(Out):
    """A request that was answered; or with ``notice`` alone a word of Shipbook's own, as where requests are missing.

    ``seq`` counts all of an environment's, from 1 and without gaps, whichever are shown. Query strings, cookies and
    credentials are never kept.
    """

    seq: int
    at: Annotated[datetime, said("When the answer was complete.")]
    method: str | None = None
    path: Annotated[str | None, said("Without the query string.", "/prices")] = None
    status: int | None = None
    bytes: Annotated[int | None, said("Of the answer's body.")] = None
    duration_ms: float | None = None
    client_address: str | None = None
    host: str | None = None
    user_agent: str | None = None
    release_id: Annotated[str | None, said("What was live.")] = None
    notice: str | None = None


class Requests(Out):
    """Requests behind ``?after=``. Go on after ``nextAfter``; none of those in between are shown in this view."""

    items: list[RequestOut]
    next_after: int
    has_more: Annotated[bool, said("More is there behind nextAfter, whether this view shows it or not.")]
    last_seq: Annotated[int, said("The newest of all.")]
