"""Logs, as history and live."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Annotated, Any

from litestar import Request
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from adapters.database import Unavailable
from adapters.http.dispatch import Call
from adapters.http.identity import require_same_origin
from adapters.http.native import words
from adapters.http.native.frames import OF_LOGS, Scripts
from adapters.http.native.wire.deployments import Lines
from adapters.http.pages import Lines as AllLines
from adapters.http.sending import Sending
from adapters.http.streams.asking import cursor, past_retention, require_kept, wants_ndjson, wants_websocket
from adapters.http.streams.script import Script
from adapters.http.streams.serving import Streams
from adapters.http.watching import LOOK_SECONDS, Watched
from adapters.linestore import Numbered, PastRetention
from domain.identifiers import LogId
from projections.deployments import DeploymentRow
from projections.lines import closed

MOST_LINES = 1000
TEXT = "text/plain; charset=utf-8"

After = Annotated[int, QueryParameter(ge=0, le=2**53, description="Only lines whose seq is greater.")]
Limit = Annotated[int, QueryParameter(ge=1, le=MOST_LINES, description="How many lines at the most.")]


async def lines(call: Call, log_id: LogId, after: int, limit: int) -> Lines:
    """A page of a log's lines. Raises ``Refusal`` (410) where they are no longer kept."""
    end = await closed(call.reader, call.tenant, log_id)
    try:
        found = await call.parts.lines.read(log_id, after, limit_lines=limit)
    except PastRetention as past:
        raise past_retention(past) from past
    if not found:
        require_kept(after, end.last_seq if end else None)
    last = found[-1].seq if found else after
    last_seq = (await call.parts.lines.last_seqs([log_id])).get(log_id, 0)
    return Lines(
        items=[words.deployments.line(line) for line in found],
        has_more=last < last_seq,
        closed=end is not None and last >= end.last_seq,
    )


async def text(call: Call, log_id: LogId, after: int) -> ASGIResponse:
    """What is stored of a log, as it was printed. Raises ``Refusal`` (410) where lines are no longer kept."""
    end = await closed(call.reader, call.tenant, log_id)
    try:
        first = await call.parts.lines.runs(log_id, after, limit_bytes=1)
    except PastRetention as past:
        raise past_retention(past) from past
    if not first:
        require_kept(after, end.last_seq if end else None)
    return Sending(TEXT, texts(call.parts.lines, log_id, first))


async def texts(lines: AllLines, log_id: LogId, first: Sequence[Numbered]) -> AsyncGenerator[bytes, None]:
    """The texts of a log's pages. While the database is away, whoever reads them waits."""
    if not first:
        return
    yield _text(first)
    after = first[-1].last_seq
    while True:
        with suppress(Unavailable):
            async with aclosing(lines.replay(log_id, after)) as pages:
                async for runs in pages:
                    yield _text(runs)
                    after = runs[-1].last_seq
            return
        await asyncio.sleep(LOOK_SECONDS)


def _text(runs: Sequence[Numbered]) -> bytes:
    return b"".join(run.text for _, run in runs)


async def stream(
    request: Request[Any, Any, Any],
    call: Call,
    log_id: LogId,
    after: int,
    row: DeploymentRow | None = None,
    scripts: Scripts = OF_LOGS,
) -> ASGIResponse:
    """A log as it comes, with the status of its deployment where it has one."""
    end = await closed(call.reader, call.tenant, log_id)
    watched = Watched(log_id, row, closed_at=end.last_seq if end else None)
    streams: Streams = request.app.state["streams"]
    return await streams.open(request, watched, cursor(request, after), _script(request, call, scripts))


def _script(request: Request[Any, Any, Any], call: Call, scripts: Scripts) -> Script:
    """The format that is asked for. Raises ``Forbidden`` where a page of another site opens a WebSocket with a cookie.

    Browsers let any page open one, and do not keep its messages from that page as they do with other answers.
    """
    if wants_websocket(request) and not call.exchange.headless:
        if call.principal.session_id is not None:
            require_same_origin(request)
        return scripts.messages
    return scripts.json_lines if wants_ndjson(request) else scripts.events
