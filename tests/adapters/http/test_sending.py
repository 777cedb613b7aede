"""A long answer is sent as it is taken, and frees what it reads from however it ends."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from adapters.http import sending
from adapters.http.exchange import KEY, Exchange
from adapters.http.sending import Sending
from domain.identifiers import RequestId

pytestmark = pytest.mark.anyio


class Pieces:
    """Something that is read piece by piece."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read = 0
        self.closed = False

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.read < self.count:
                self.read += 1
                yield b"%d\n" % self.read
        finally:
            self.closed = True


class Connection:
    """What a server gives an application. ``takes`` pieces are taken; then nothing more."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.sent: list[Any] = []
        self.full = asyncio.Event()
        self.left = asyncio.Event()

    async def send(self, message: Any) -> None:
        if message.get("body") and self.body.count(b"\n") >= self.takes:
            self.full.set()
            await asyncio.Event().wait()
        self.sent.append(message)

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def complete(self) -> bool:
        return not self.sent[-1].get("more_body", True)


async def answered(connection: Connection, pieces: Pieces) -> None:
    scope: Any = {"type": "http", "path": "/log", "state": {KEY: Exchange(request_id=RequestId("request-1"))}}
    await Sending("text/plain", pieces())(scope, connection.receive, connection.send)  # type: ignore[arg-type]  # as much of them as it uses


async def test_everything_is_sent_and_then_the_end() -> None:
    connection, pieces = Connection(takes=100), Pieces(3)

    await answered(connection, pieces)

    assert (connection.body, connection.complete, pieces.closed) == (b"1\n2\n3\n", True, True)


async def test_a_reader_that_leaves_frees_everything_at_once() -> None:
    connection, pieces = Connection(takes=5), Pieces(1_000_000)
    answering = asyncio.create_task(answered(connection, pieces))
    await asyncio.wait_for(connection.full.wait(), 5)

    connection.left.set()
    await asyncio.wait_for(answering, 5)

    assert (pieces.read, pieces.closed) == (6, True)


async def test_a_reader_that_takes_nothing_is_let_go_and_never_told_that_this_was_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "SEND_SECONDS", 0.05)
    connection, pieces = Connection(takes=5), Pieces(1_000_000)

    await asyncio.wait_for(answered(connection, pieces), 5)

    assert (pieces.read, pieces.closed, connection.complete) == (6, True, False)
