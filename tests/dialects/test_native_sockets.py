"""Live streams over WebSocket: the same frames at the same addresses, to who asks for an upgrade."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from tests.dialects.executing import Execution, deployed
from tests.dialects.plane import Caller, Plane


@contextmanager
def opened(caller: Caller, path: str, **headers: str) -> Iterator[ClientConnection]:
    """An open WebSocket, with the caller's token unless there is a cookie."""
    shown = {} if "Cookie" in headers else {"Authorization": f"Bearer {caller.token}"}
    url = f"ws://{caller.plane.settings.http}{caller.base}{path}"
    with connect(url, additional_headers=shown | headers, proxy=None, open_timeout=10) as connection:
        yield connection


def frames(connection: ClientConnection) -> Iterator[Any]:
    """The messages until the server closes."""
    for message in connection:
        yield json.loads(message)


def test_a_websocket_tells_what_an_event_stream_tells(insider: Caller) -> None:
    execution = Execution(insider, insider.deployment())
    texts = ["one", "zwölf", "x" * 200, "y" * 1000, "\x01" * 12_000]
    with opened(insider, f"/deployments/{execution.id}/stream") as connection:
        told = frames(connection)
        assert next(told)["status"] == "running"
        execution.log.lines(texts)
        execution.fail("enough")
        rest = list(told)

    assert [(frame["seq"], frame["text"]) for frame in rest if frame["type"] == "log"] == [*enumerate(texts, 1)]
    assert [frame["status"] for frame in rest if frame["type"] == "status"][-1] == "failed"
    assert rest[-1] == {"type": "done", "seq": 5, "status": "failed", "error": "enough"}
    assert connection.close_code == CloseCode.NORMAL_CLOSURE


def test_a_websocket_goes_on_where_it_is_asked_to(insider: Caller) -> None:
    found = deployed(insider, insider.project(), [f"line {number}" for number in range(1, 11)])
    path = f"/deployments/{found['id']}/stream"

    def seqs(query: str = "", **headers: str) -> list[int]:
        with opened(insider, path + query, **headers) as connection:
            return [frame["seq"] for frame in frames(connection) if frame["type"] == "log"]

    assert seqs() == [*range(1, 11)]
    assert seqs("?after=7") == [8, 9, 10]
    assert seqs("?after=2", **{"Last-Event-ID": "8"}) == [9, 10]
    assert refused(lambda: seqs(**{"Last-Event-ID": "11"})) == (204, None)


def refused(act: Callable[[], object]) -> tuple[int, str | None]:
    """The status and the code of the answer in place of a WebSocket."""
    with pytest.raises(InvalidStatus) as raised:
        act()
    answer = raised.value.response
    return answer.status_code, json.loads(answer.body)["code"] if answer.body else None


def test_a_websocket_is_opened_to_nobody_else_than_an_event_stream(insider: Caller, outsider: Caller) -> None:
    path = f"/deployments/{insider.deployment()['id']}/stream"

    def status(caller: Caller, **headers: str) -> int:
        return refused(lambda: opened(caller, path, **headers).__enter__())[0]

    outsider.base = insider.base
    assert status(outsider) == 404
    assert status(insider, Authorization="Bearer nonsense") == 401
    assert status(insider, Cookie="shipbook_session=nonsense") == 401


def test_a_page_of_another_site_opens_no_websocket_with_a_users_cookie(insider: Caller) -> None:
    path = f"/deployments/{insider.deployment()['id']}/stream"
    cookie = "; ".join(f"{name}={value}" for name, value in insider.browser.cookies.items())

    foreign = {"Cookie": cookie, "Origin": "https://elsewhere.example.com"}
    assert refused(lambda: opened(insider, path, **foreign).__enter__()) == (403, "cross_site")
    with opened(insider, path, Cookie=cookie, Origin=insider.plane.url) as connection:
        assert next(frames(connection))["type"] == "status"


def test_an_upgrade_without_a_handshake_is_refused_with_what_is_missing(insider: Caller) -> None:
    path = f"/deployments/{insider.deployment()['id']}/stream"

    answer = insider.get(path, status=400, headers={"Connection": "Upgrade", "Upgrade": "websocket"})

    assert (answer["code"], "Sec-WebSocket-Key" in answer["message"]) == ("invalid_handshake", True)


def test_a_websocket_is_not_opened_to_lines_that_are_no_longer_kept(insider: Caller) -> None:
    found = deployed(insider, insider.project(), ["a", "b", "c"])
    path = f"/deployments/{found['id']}/stream"
    insider.plane.call(
        insider.plane.core.database.fetch(
            "UPDATE lines.logs SET oldest_seq = 3 WHERE log_id = %s RETURNING 1", [f"deployment-{found['id']}"]
        )
    )
    assert refused(lambda: opened(insider, path).__enter__()) == (410, "past_retention")


def test_a_websocket_answers_pings_and_minds_nothing_that_is_said(insider: Caller) -> None:
    execution = Execution(insider, insider.deployment())
    with opened(insider, f"/deployments/{execution.id}/stream") as connection:
        told = frames(connection)
        next(told)
        connection.send("hello")
        assert connection.ping().wait(10)
        execution.log.lines(["still here"])
        assert next(frame for frame in told if frame["type"] == "log")["text"] == "still here"


def test_a_websocket_that_says_too_much_is_closed(plane: Plane, insider: Caller) -> None:
    with opened(insider, f"/deployments/{insider.deployment()['id']}/stream") as connection:
        connection.send("x" * 5000)
        with pytest.raises(ConnectionClosed):
            list(frames(connection))

    assert connection.close_code == CloseCode.MESSAGE_TOO_BIG
    plane.wait(lambda: plane.app.state["streams"]._readers == 0)


def test_a_websocket_whose_client_leaves_frees_everything(plane: Plane, insider: Caller) -> None:
    path = f"/deployments/{insider.deployment()['id']}/stream"

    with opened(insider, path) as connection:
        next(frames(connection))
        connection.close()
    with opened(insider, path) as connection:
        next(frames(connection))
        connection.socket.shutdown(socket.SHUT_RDWR)

    streams = plane.app.state["streams"]
    plane.wait(lambda: (streams._readers, streams._feeds) == (0, {}))
    plane.wait(lambda: not plane.app.state["watching"]._watched)
