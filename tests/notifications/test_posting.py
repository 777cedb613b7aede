"""Posting to an address that a customer gave: one name look-up, checked; one request; everything bounded."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from adapters.network import AddressRefused
from adapters.notifications import http
from adapters.notifications.http import NoAnswer, endpoint, post
from adapters.notifications.signing import new_secret, signed
from tests.notifications.mailing import certificate
from tests.notifications.receiving import Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Lets the look-up of each name answer with these addresses, one after another; gives the names asked for."""

    def name(*answers: str) -> list[str]:
        asked: list[str] = []
        left = list(answers)

        def look_up(host: str, port: int, *_: object, **__: object) -> list[Any]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (left.pop(0), port))]

        monkeypatch.setattr("socket.getaddrinfo", look_up)
        return asked

    return name


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "100.64.0.1", "224.0.0.1"]
)
async def test_a_name_that_leads_into_a_private_network_is_refused_after_the_look_up(
    named: Callable[..., list[str]], address: str
) -> None:
    named(address)
    with pytest.raises(AddressRefused, match="private network"):
        await post("https://receiver.example.com/", b"{}", {}, allow_private=False)


async def test_a_name_is_looked_up_once_so_a_second_answer_leads_nowhere(
    named: Callable[..., list[str]], receiver: Receiver
) -> None:
    port = int(receiver.url.rpartition(":")[2])
    asked = named("127.0.0.1", "203.0.113.7")

    answer = await post(f"http://receiver.example.com:{port}/hook", b"{}", {}, allow_private=True)

    assert answer.status == 204
    assert asked == ["receiver.example.com"]
    assert receiver.received[0].headers["host"] == f"receiver.example.com:{port}"


async def test_nothing_leaves_private_networks_unencrypted(named: Callable[..., list[str]]) -> None:
    named("203.0.114.7")
    with pytest.raises(AddressRefused, match="by https alone"):
        await post("http://receiver.example.com/", b"{}", {}, allow_private=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "https"),
        ("https://127.0.0.1/", "private"),
        ("https://2130706433/", "private"),
        ("https://0x7f.1/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://localhost/", "private"),
        ("https://user:hush@example.com/", "without a user"),
        ("ftp://example.com/", "such as"),
        ("https:///x", "such as"),
        ("https://example.com:0/", "such as"),
        ("https://example.com:99999/", "no address"),
        ("https://example.com/a b", "spaces"),
        ("https://example.com/\r\nX: y", "spaces"),
        ("https://example.com/" + 2048 * "x", "2048"),
        ("", "2048"),
    ],
)
async def test_what_may_not_be_posted_to_is_refused_at_once_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(AddressRefused, match=why) as refused:
        endpoint(url, allow_private=False)
    assert "hush" not in str(refused.value)


async def test_an_address_is_shown_without_its_query() -> None:
    found = endpoint("https://Example.com:8443/hooks?key=hidden#part", allow_private=False)
    assert found.shown == "https://example.com:8443/hooks"
    assert found.target == "/hooks?key=hidden"


async def test_redirects_are_answers_like_any_other(receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [302], {"Location": f"{receiver.url}/elsewhere"}

    answer = await post(f"{receiver.url}/here", b"{}", {}, allow_private=True)

    assert answer.status == 302
    assert [one.path for one in receiver.received] == ["/here"]


async def serving(answer: bytes, *, tls: ssl.SSLContext | None = None, for_ever: bool = False) -> asyncio.Server:
    """A server that says the same to everybody, once or for ever."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            while for_ever:
                writer.write(b"x" * 4096)
                await writer.drain()
            await writer.drain()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(say, "127.0.0.1", 0, ssl=tls)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def said(answer: bytes, **options: Any) -> http.Answer:
    async with await serving(answer, **options) as server:
        return await post(f"http://127.0.0.1:{port_of(server)}/", b"{}", {}, allow_private=True)


async def test_an_answer_without_end_is_read_up_to_a_bound() -> None:
    answer = await said(b"HTTP/1.1 200 OK\r\n\r\n", for_ever=True)
    assert (answer.status, len(answer.excerpt)) == (200, http.EXCERPT)


async def test_a_head_without_end_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match=r"too long|no HTTP"):
        await said(b"HTTP/1.1 200 OK\r\nX-Long: ", for_ever=True)


async def test_an_interim_answer_is_passed_over_and_a_wish_to_wait_is_heard() -> None:
    answer = await said(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Later\r\nRetry-After: 120\r\nContent-Length: 4\r\n\r\nbusy"
    )
    assert (answer.status, answer.excerpt, answer.retry_after) == (503, "busy", 120.0)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n"])
async def test_what_is_no_answer_of_http_is_said_to_be_none(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.5)
    with pytest.raises(NoAnswer):
        await said(answer)


async def test_a_receiver_that_says_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.2)
    with pytest.raises(NoAnswer, match=r"within 0\.2 s"):
        await said(b"")


async def test_nobody_at_home_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(NoAnswer, match="takes no connection"):
        await post(f"http://127.0.0.1:{port}/", b"{}", {}, allow_private=True)


async def test_a_certificate_must_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, tls = certificate(tmp_path)
    async with await serving(b"HTTP/1.1 204 No Content\r\n\r\n", tls=tls) as server:
        url = f"https://127.0.0.1:{port_of(server)}/"
        with pytest.raises(NoAnswer, match="certificate cannot be trusted"):
            await post(url, b"{}", {}, allow_private=True)
        monkeypatch.setattr(http, "tls_context", lambda: ssl.create_default_context(cafile=str(file)))
        assert (await post(url, b"{}", {}, allow_private=True)).status == 204


async def test_receivers_verify_either_of_two_signatures() -> None:
    current, former, other = new_secret(), new_secret(), new_secret()
    headers = signed("msg", datetime.now(UTC), b'{"a":1}', [current, former])

    for secret in (current, former):
        assert Webhook(secret.reveal).verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(other.reveal).verify(b'{"a":1}', headers)
