"""Access logs, as history and live, in two views: what failed or was no GET, and everything. Both count alike."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from adapters.http.dispatch import Call
from adapters.http.native import words
from adapters.http.native.frames import OF_LOGS, Scripts
from adapters.http.native.wire.access_logs import RequestOut, Requests
from adapters.http.streams.asking import past_retention
from adapters.http.streams.framing import event, json_line, message
from adapters.linestore import Numbered, PastRetention
from domain.identifiers import LogId

PAGES = 16
"""So many pages of the log are looked through for one answer."""


class RequestFrame(RequestOut, tag="log", tag_field="type", omit_defaults=True):
    """A request as a message of a stream."""


_encode = msgspec.json.Encoder().encode


async def history(call: Call, log_id: LogId, after: int | None, limit: int, *, everything: bool) -> Requests:
    """A page of requests. Raises ``Refusal`` (410) where those behind ``after`` are no longer kept."""
    items: list[RequestOut] = []
    place = await beginning(call, log_id, after)
    for _ in range(PAGES):
        try:
            runs = await call.parts.lines.runs(log_id, place)
        except PastRetention as past:
            raise past_retention(past) from past
        if not runs:
            break
        items += words.access_logs.shown(runs, RequestOut, everything=everything)
        place = runs[-1].last_seq if len(items) <= limit else items[limit - 1].seq
        if len(items) >= limit:
            break
    last = (await call.parts.lines.last_seqs([log_id])).get(log_id, 0)
    return Requests(items=items[:limit], next_after=place, has_more=place < last, last_seq=last)


async def beginning(call: Call, log_id: LogId, after: int | None) -> int:
    """Where a reader begins: behind ``after``, or else with the oldest that is kept. The log never ends."""
    if after is not None:
        return after
    try:
        await call.parts.lines.runs(log_id, 0, limit_bytes=1)
    except PastRetention as past:
        return past.oldest_seq - 1
    return 0


def _scripts(*, everything: bool) -> Scripts:
    def framed(frame: Callable[[RequestFrame], bytes]) -> Callable[[Sequence[Numbered]], bytes]:
        return lambda runs: b"".join(map(frame, words.access_logs.shown(runs, RequestFrame, everything=everything)))

    events = framed(lambda one: event(_encode(one), identity=one.seq))

    def with_place(runs: Sequence[Numbered]) -> bytes:
        """An id alone is no event; with it a browser comes back behind what its view does not show."""
        return events(runs) + b"id: %d\n\n" % runs[-1].last_seq

    return Scripts(
        events=replace(OF_LOGS.events, lines=with_place),
        json_lines=replace(OF_LOGS.json_lines, lines=framed(lambda one: json_line(_encode(one)))),
        messages=replace(OF_LOGS.messages, lines=framed(lambda one: message(_encode(one)))),
    )


ALL = _scripts(everything=True)
NOTABLE = _scripts(everything=False)
