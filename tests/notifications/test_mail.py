"""E-mail by a mail server of the workspace's own: encrypted, logged in, tried again after 451, given up after 550."""

import socket
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from adapters.network import AddressRefused
from adapters.notifications import mail
from domain.notification import EmailTarget, Tls
from tests.dialects.plane import Caller, Plane
from tests.notifications.mailing import PASSWORD, USER, MailServer, certificate, mail_server
from tests.notifications.test_deliveries import CHANNELS, audited, deliveries


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate to trust, and who has it."""
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(secured: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server that wants STARTTLS and a login, and whose certificate is trusted."""
    file, context = secured
    monkeypatch.setattr(mail, "tls_context", lambda: ssl.create_default_context(cafile=str(file)))
    with mail_server(context) as server:
        yield server


def mailing(caller: Caller, server: MailServer, **smtp: Any) -> Any:
    """A channel that sends mail."""
    settings = {"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD, "sender": "ship@x.test"}
    recipients = ["ops@x.test", "dev@x.test"]
    body = {"name": "mail", "type": "email", "events": ["repository"], "smtp": {**settings, **smtp}}
    return caller.post(CHANNELS, {**body, "recipients": recipients})


def test_an_event_is_mailed_encrypted_after_a_login(plane: Plane, insider: Caller, server: MailServer) -> None:
    channel = mailing(insider, server)

    insider.connection()

    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    [letter] = server.letters
    assert (server.logins, server.encrypted) == ([(USER, PASSWORD)], [True])
    assert letter["To"] == "ops@x.test, dev@x.test"
    assert "connected the repository" in letter["Subject"]
    assert "Event: repository.connected" in letter.get_content()
    [row] = deliveries(insider, channel)
    assert letter["Message-ID"] == f"<{row['id']}@x.test>"
    assert PASSWORD not in insider.http.get(insider.base + CHANNELS).text
    assert channel["smtp"]["hasPassword"]


def test_a_temporary_refusal_is_tried_again(plane: Plane, insider: Caller, server: MailServer) -> None:
    server.replies = ["451 4.3.0 Not now"]
    channel = mailing(insider, server)

    insider.connection()

    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    [row] = deliveries(insider, channel)
    tried = insider.get(f"{CHANNELS}/{channel['id']}/deliveries/{row['id']}")["tried"]
    assert [(one["code"], one["answer"]) for one in tried] == [(451, "4.3.0 Not now"), (250, "2.0.0 Taken as 4711")]


@pytest.mark.parametrize("where", ["recipients", "data"])
def test_a_permanent_refusal_is_given_up_at_once(plane: Plane, insider: Caller, server: MailServer, where: str) -> None:
    if where == "data":
        server.replies = ["550 5.7.1 No spam"]
    else:
        server.refused = dict.fromkeys(["ops@x.test", "dev@x.test"], "550 5.1.1 No such user")
    channel = mailing(insider, server)

    insider.connection()

    plane.wait(lambda: bool(deliveries(insider, channel, "abandoned")))
    assert [row["attempts"] for row in deliveries(insider, channel)] == [1]
    assert "after 1 attempt: 550 5." in audited(insider, "channel.delivery-abandoned")[0]["message"]


def test_a_test_mail_answers_what_the_server_said(insider: Caller, server: MailServer) -> None:
    channel = mailing(insider, server)
    path = f"{CHANNELS}/{channel['id']}"

    tried = insider.post(f"{path}/test", status=200)
    assert (tried["delivered"], tried["answer"]) == (True, "250 2.0.0 Taken as 4711")
    assert "tests this channel" in server.letters[0]["Subject"]

    insider.patch(path, {"smtp": {"password": "wrong"}})
    refused = insider.post(f"{path}/test", status=200)
    assert (refused["delivered"], refused["answer"][:3]) == (False, "535")
    assert insider.get(path)["lastTest"] == refused
    assert "wrong" not in insider.http.get(insider.base + "/audit").text


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(
    insider: Caller, secured: tuple[Path, ssl.SSLContext]
) -> None:
    with mail_server(secured[1]) as server:
        channel = mailing(insider, server)
        refused = insider.post(f"{CHANNELS}/{channel['id']}/test", status=200)
        assert not refused["delivered"]
        assert "certificate cannot be trusted" in refused["answer"]
        assert server.logins == []


def test_mail_goes_without_encryption_where_that_is_wanted(insider: Caller) -> None:
    with mail_server() as server:
        channel = mailing(insider, server, tls="none", user=None, password=None)
        assert insider.post(f"{CHANNELS}/{channel['id']}/test", status=200)["delivered"]
        assert (server.encrypted, server.logins) == ([False], [])


@pytest.mark.anyio
async def test_a_mail_server_in_a_private_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 25))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    target = EmailTarget(host="mail.x.test", port=25, tls=Tls.NONE, sender="a@x.test", recipients=("b@x.test",))
    with pytest.raises(AddressRefused, match="private network"):
        await mail.send(target, None, EmailMessage(), allow_private=False)


def test_a_server_that_is_not_there_is_said_to_take_no_connection(insider: Caller) -> None:
    with mail_server() as gone:
        pass
    channel = mailing(insider, gone)
    tried = insider.post(f"{CHANNELS}/{channel['id']}/test", status=200)
    assert (tried["delivered"], "takes no connection" in tried["answer"]) == (False, True)
