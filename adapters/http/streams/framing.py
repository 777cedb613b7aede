"""How one message is written down in each format. A message is text without line feeds, in UTF-8; JSON is."""

EVENTS = "text/event-stream"
NDJSON = "application/x-ndjson"
WEBSOCKET = "websocket"

RETRY_MILLISECONDS = 1000

RETRY = b"retry: %d\n\n" % RETRY_MILLISECONDS
"""Tells a browser how long to wait before it comes back."""

COMMENT = b": ping\n\n"
"""An event stream's sign of life, which no reader hears."""

PING = b"\x89\x00"
"""A WebSocket's (RFC 6455, 5.5.2), which the other side answers by itself."""


def event(body: bytes, *, name: bytes | None = None, identity: int | None = None) -> bytes:
    """A server-sent event (HTML Standard, 9.2)."""
    named = b"event: %b\n" % name if name else b""
    return b"%bdata: %b\n\n" % (named if identity is None else b"%bid: %d\n" % (named, identity), body)


def json_line(body: bytes) -> bytes:
    """A line of newline-delimited JSON."""
    return body + b"\n"


def message(body: bytes) -> bytes:
    """A text message of a WebSocket's server: one whole frame, not masked (RFC 6455, 5.2)."""
    size = len(body)
    if size < 126:
        return b"\x81%c%b" % (size, body)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), body)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), body)


def chunk(data: bytes) -> bytes:
    """A piece of a body that has no known length (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def as_it_is(data: bytes) -> bytes:
    """What is sent without a further wrapping."""
    return data
