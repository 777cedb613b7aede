"""The frames of a live stream as they come over a socket, which may be cut anywhere."""

import json
from collections.abc import Iterator
from typing import Any

EVENTS, LINES, MESSAGES = "text/event-stream", "application/x-ndjson", "websocket"
KINDS = (EVENTS, LINES, MESSAGES)

Frame = dict[str, Any]


def status(received: bytes) -> int | None:
    """The status of an answer; None where its first line is not there in whole."""
    line, found, _ = received.partition(b"\r\n")
    return int(line.split()[1]) if found else None


def frames(kind: str, received: bytes) -> Iterator[Frame]:
    """The frames that came in whole, in all that was received of one answer."""
    _, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return
    for piece in _messages(body) if kind == MESSAGES else _pieces(kind, b"".join(_chunks(body))):
        frame = json.loads(piece)
        if frame["type"] != "ping":
            yield frame


def _pieces(kind: str, body: bytes) -> Iterator[bytes]:
    if kind == LINES:
        yield from body.split(b"\n")[:-1]
        return
    for event in body.split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in event.split(b"\n"))
        if b"data" in fields:
            yield fields[b"data"]


def _chunks(body: bytes) -> Iterator[bytes]:
    """The content of chunks (RFC 9112, 7.1), and of the last one what is there."""
    place = 0
    while (end := body.find(b"\r\n", place)) >= 0:
        size = int(body[place:end], 16)
        chunk = body[end + 2 : end + 2 + size]
        yield chunk
        place = end + 2 + size + 2
        if not size or place > len(body):
            return
        assert body[place - 2 : place] == b"\r\n", "a chunk has another length than it says"


def _messages(body: bytes) -> Iterator[bytes]:
    """The texts of whole frames (RFC 6455, 5.2)."""
    place = 0
    while len(body) - place >= 2:
        opcode, size, start = body[place] & 15, body[place + 1], place + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(body[start : start + width], "big"), start + width
        if start + size > len(body):
            return
        if opcode == 1:
            yield body[start : start + size]
        else:
            assert opcode in {8, 9}, f"opcode {opcode}"
        place = start + size
