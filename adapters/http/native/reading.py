"""Logs, as history and live."""

from typing import Annotated, Any

from litestar import Request
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from adapters.http.dispatch import Call
from adapters.http.native import words
from adapters.http.native.frames import AS_EVENTS, AS_JSON_LINES
from adapters.http.native.wire.deployments import Lines
from adapters.http.sse import Streams, cursor, past_retention, wants_ndjson
from adapters.http.watching import Watched
from adapters.linestore import PastRetention
from domain.identifiers import LogId
from projections.deployments import DeploymentRow
from projections.lines import closed

MOST_LINES = 1000

After = Annotated[int, QueryParameter(ge=0, le=2**53, description="Only lines whose seq is greater.")]
Limit = Annotated[int, QueryParameter(ge=1, le=MOST_LINES, description="How many lines at the most.")]


async def lines(call: Call, log_id: LogId, after: int, limit: int) -> Lines:
    """A page of a log's lines. Raises ``Refusal`` (410) where they are no longer kept."""
    end = await closed(call.reader, call.tenant, log_id)
    try:
        found = await call.parts.lines.read(log_id, after, limit_lines=limit)
    except PastRetention as past:
        raise past_retention(past) from past
    last = found[-1].seq if found else after
    last_seq = (await call.parts.lines.last_seqs([log_id])).get(log_id, 0)
    return Lines(
        items=[words.line(line) for line in found],
        has_more=last < last_seq,
        closed=end is not None and last >= end.last_seq,
    )


async def stream(
    request: Request[Any, Any, Any], call: Call, log_id: LogId, after: int, row: DeploymentRow | None = None
) -> ASGIResponse:
    """A log as it comes, with the status of its deployment where it has one."""
    end = await closed(call.reader, call.tenant, log_id)
    watched = Watched(log_id, row, closed_at=end.last_seq if end else None)
    streams: Streams = request.app.state["streams"]
    return await streams.open(watched, cursor(request, after), AS_JSON_LINES if wants_ndjson(request) else AS_EVENTS)
