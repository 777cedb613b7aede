"""What is answered when something inside does not do its part."""

import socket
import time
from uuid import uuid4

import psycopg
import pytest

from adapters.database import Unavailable
from adapters.http.errors import answer
from tests.dialects.plane import Caller, Plane


def test_a_crash_is_500_with_the_requests_id_and_nothing_else(
    plane: Plane, insider: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside of things")

    monkeypatch.setattr("projections.projects.listing", broken)

    crashed = insider.http.get(f"{insider.base}/projects", headers={"X-Request-Id": "crash-42"})

    assert (crashed.status_code, crashed.json()["code"]) == (500, "internal")
    assert crashed.json()["requestId"] == "crash-42"
    assert "inside" not in crashed.text
    logged = capsys.readouterr().out
    assert "the inside of things" in logged
    assert "crash-42" in logged


def test_a_database_that_is_away_is_503_and_says_when_to_come_back() -> None:
    said = answer(Unavailable("no connection to 10.0.0.1"))

    assert said is not None
    assert (said.status, said.headers) == (503, {"Retry-After": "1"})
    assert "10.0.0.1" not in said.message


def test_a_write_that_cannot_be_read_yet_says_so_and_can_be_repeated(plane: Plane, insider: Caller) -> None:
    """``A write answers when its read model has passed it``, and never lies about it."""
    project = insider.project()
    path = f"{insider.base}/projects/{project['id']}/environments/{project['environments'][0]['id']}/deployments"
    key = {"Idempotency-Key": str(uuid4())}

    with psycopg.connect(plane.settings.database_url) as held:
        held.execute("SELECT 1 FROM read_models.checkpoints FOR UPDATE")  # the projector has to wait
        late = insider.http.post(path, headers=key)
        assert (late.status_code, late.json()["code"], late.headers["retry-after"]) == (503, "not_yet_readable", "1")
        assert int(late.headers["x-shipbook-position"]) > 0
        held.rollback()

    again = insider.http.post(path, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert [one["id"] for one in insider.get(f"/projects/{project['id']}/deployments")["items"]] == [again.json()["id"]]


def test_a_peer_that_floods_or_trickles_headers_is_let_go(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    address = (plane.settings.http.host, plane.settings.http.port)
    with socket.create_connection(address, 10) as flooding, pytest.raises(OSError, match=r"reset|pipe"):  # noqa: PT012
        flooding.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            flooding.sendall(b"X-A: " + b"a" * 8000 + b"\r\n")

    monkeypatch.setattr("adapters.http.protocol.HEAD_SECONDS", 0.1)
    with socket.create_connection(address, 10) as trickling:
        trickling.sendall(b"GET / HTTP/1.1\r\n")
        assert trickling.recv(1) == b""


def test_a_large_body_in_the_first_packet_is_no_flood(insider: Caller) -> None:
    secret = insider.post("/secrets", {"name": "LARGE", "value": "x" * 60_000})

    assert secret["name"] == "LARGE"
