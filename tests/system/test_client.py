"""The client of the native API against a server that breaks off, repeats, waits and refuses."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import msgspec
import pytest

from services.client import Client, Refused, events
from services.exits import Unreachable, WrongUsage
from services.logins import Login
from tests.system.stand_in import Asked, StandIn, stand_in


@pytest.fixture
def plane() -> Iterator[StandIn]:
    with stand_in() as plane:
        yield plane


@pytest.fixture
def client(plane: StandIn) -> Iterator[Client]:
    with Client(Login(api_url=plane.url, token="shpat_x")) as client:
        yield client


def frame(seq: int) -> bytes:
    text = f"line {seq} \u2028 \x85, with what some readers take for a line break"
    log = {"type": "log", "seq": seq, "at": "2026-01-01T00:00:00Z", "stream": "stdout", "step": "build", "text": text}
    return f"id: {seq}\ndata: {json.dumps(log, ensure_ascii=False)}\n\n".encode()


class CutStream:
    """A stream of ``lines`` that is cut after every few bytes, each time at another place, and takes up where told."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.connections = 0

    def __call__(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        self.connections += 1
        after = int(asked.headers.get("Last-Event-ID", 0))
        if after == self.lines:
            handler.send_response(204)
            handler.end_headers()
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        status = b'retry: 1000\n\n: ping\n\ndata: {"type":"status","status":"running"}\n\n'
        whole = status + b"".join(frame(seq) for seq in range(after + 1, self.lines + 1))
        handler.wfile.write(whole[: len(status) + 900 + 37 * self.connections])


def test_a_stream_that_is_cut_anywhere_is_read_as_if_it_were_never_cut(
    plane: StandIn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.client.WAITS", (0.001,))
    stream = CutStream(lines=200)
    plane.answers["GET", "/stream"] = stream

    told = [event for event in client.follow("/stream", 0) if event.frame.type == "log"]

    assert [event.frame.seq for event in told] == list(range(1, 201))
    assert all(event.frame.text.startswith(f"line {event.frame.seq} \u2028") for event in told)
    assert stream.connections > 5


def test_a_repeated_line_is_told_once(plane: StandIn, client: Client) -> None:
    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        handler.send_response(200)
        handler.end_headers()
        done = b'id: 3\ndata: {"type":"done","seq":3,"status":"succeeded"}\n\n'
        handler.wfile.write(frame(1) + frame(2) + frame(2) + frame(1) + frame(3) + done)

    plane.answers["GET", "/stream"] = answer
    told = []
    for event in client.follow("/stream", 0):
        told.append((event.frame.type, event.frame.seq))
        if event.frame.type == "done":
            break

    assert told == [("log", 1), ("log", 2), ("log", 3), ("done", 3)]


def test_events_come_out_the_same_however_the_bytes_are_cut() -> None:
    stream = b": ping\n\nid: 1\ndata: one\n\nevent: x\r\ndata: two\r\ndata:three\r\n\r\ndata\n\ndata: never ended"
    whole = list(events([stream]))

    assert whole == [b"one", b"two\nthree", b""]
    assert list(events(stream[at : at + 1] for at in range(len(stream)))) == whole


def test_a_write_that_got_no_answer_is_repeated_under_the_same_key(plane: StandIn, client: Client) -> None:
    def break_off_once(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        if len(plane.asked) == 1:
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(201)
        handler.end_headers()
        handler.wfile.write(b'{"done": true}')

    plane.answers["POST", "/things"] = break_off_once

    assert client.post("/things", {"name": "x"}, dict[str, bool]) == {"done": True}
    keys = {asked.headers["Idempotency-Key"] for asked in plane.asked}
    assert len(plane.asked) == 2
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unreachable), (403, Unreachable), (400, WrongUsage), (422, WrongUsage), (409, Refused)]
)
def test_a_refusal_is_told_in_the_planes_own_words(
    plane: StandIn, client: Client, status: int, kind: type[Exception]
) -> None:
    plane.answers["GET", "/x"] = (status, {"statusCode": status, "error": "No", "message": "Because.", "code": "no"})

    with pytest.raises(kind, match=r"^Because\."):
        client.get("/x", msgspec.Raw)


def test_nobody_at_the_address_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.client.WAITS", (0.001,))
    with (
        Client(Login(api_url="http://127.0.0.1:9", token="x")) as client,
        pytest.raises(Unreachable, match="shipbook up"),
    ):
        client.get("/auth/me", msgspec.Raw)


def test_a_token_is_never_in_a_representation() -> None:
    assert "shpat_secret" not in repr(Login(api_url="http://x", token="shpat_secret"))
