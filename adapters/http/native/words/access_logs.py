"""Requests that were answered, from the lines of their log."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from adapters.edge import requests
from adapters.http.native.wire.access_logs import RequestOut
from adapters.linestore import Numbered

R = TypeVar("R", bound=RequestOut)


def shown(runs: Sequence[Numbered], kind: type[R], *, everything: bool) -> Iterator[R]:
    """The requests in these lines: those that failed or were no GET, or all, and what Shipbook said of them."""
    for run in runs:
        if everything or run.run.stream != requests.USUAL:
            yield from _of(run, kind)


def _of(run: Numbered, kind: type[R]) -> Iterator[R]:
    texts = enumerate(run.run.text.split(b"\n")[:-1], run.first_seq)
    if run.run.stream == "system":
        return (kind(seq=seq, at=run.run.moment, notice=text.decode()) for seq, text in texts)
    return (_request(seq, requests.decoded(text), kind) for seq, text in texts)


def _request(seq: int, one: requests.Request, kind: type[R]) -> R:
    return kind(
        seq=seq,
        at=datetime.fromtimestamp(one.at / 1e6, UTC),
        method=one.method,
        path=one.path,
        status=one.status,
        bytes=one.bytes,
        duration_ms=one.duration_us / 1000,
        client_address=one.client_address,
        host=one.host,
        user_agent=one.user_agent,
        release_id=one.release_id or None,
    )
