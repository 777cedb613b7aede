"""The audit trail at any length: as it comes, and as files that are taken elsewhere."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Sequence
from time import monotonic

import msgspec
from msgspec.structs import fields, replace

from adapters.http.dispatch import Call
from adapters.http.native.wire.audit import AuditOut
from adapters.http.native.words.audit import audit
from adapters.http.streams.feed import PING_SECONDS
from adapters.http.streams.framing import COMMENT, RETRY, event, json_line
from adapters.http.streams.serving import LONGEST_SECONDS
from adapters.http.watching import Watching
from projections import audit_trail
from projections.audit_trail import AuditRow, Sought
from projections.reading import LARGEST_PAGE, Paging

_BREATH_SECONDS = 0.1
"""Facts may come faster than people look."""


async def pages(call: Call, sought: Sought) -> AsyncGenerator[Sequence[AuditRow], None]:
    """Everything that is sought, page by page."""
    page = await audit_trail.listing(call.reader, sought, Paging(size=LARGEST_PAGE))
    yield page.rows
    while page.following:
        page = await audit_trail.listing(call.reader, sought, Paging(after=page.following, size=LARGEST_PAGE))
        yield page.rows


async def following(call: Call, watching: Watching, sought: Sought, *, events: bool) -> AsyncGenerator[bytes, None]:
    """What is sought, from ``sought.after`` on, for as long as it comes; an event or a JSON line each.

    An event's id is the fact's position, so that a reader goes on where it was cut.
    """
    ends, after = monotonic() + LONGEST_SECONDS, sought.after or 0
    if events:
        yield RETRY
    while not watching.stopping and monotonic() < ends:
        seen = max(after, call.parts.progress.known)
        async for rows in pages(call, replace(sought, after=after, descending=False)):
            for row in rows:
                body = msgspec.json.encode(audit(row))
                yield event(body, identity=row.position) if events else json_line(body)
                after = row.position
        await asyncio.sleep(_BREATH_SECONDS)
        if not await call.parts.progress.passed(max(after, seen) + 1, PING_SECONDS) and events:
            yield COMMENT


async def json_lines(call: Call, sought: Sought, upto: int) -> AsyncGenerator[bytes, None]:
    """Everything that is sought up to a position, a JSON line a fact."""
    async for rows in pages(call, replace(sought, upto=upto)):
        yield b"".join(json_line(msgspec.json.encode(audit(row))) for row in rows)


async def comma_separated(call: Call, sought: Sought, upto: int) -> AsyncGenerator[bytes, None]:
    """Everything that is sought up to a position, as CSV (RFC 4180), with a line of headings."""
    yield _comma_separated([[field.encode_name for field in fields(AuditOut)]])
    async for rows in pages(call, replace(sought, upto=upto)):
        yield _comma_separated([[_cell(value) for value in msgspec.to_builtins(audit(row)).values()] for row in rows])


def _comma_separated(rows: Sequence[Sequence[object]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def _cell(value: object) -> object:
    """A spreadsheet takes a text that begins like a formula for one (CWE-1236)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
