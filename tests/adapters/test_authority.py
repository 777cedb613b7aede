"""A domain's own name servers are asked, and whatever they do comes to an end."""

import asyncio
from collections.abc import Iterator

import pytest

from adapters import authority
from adapters.authority import Authority
from adapters.settings import Address, Settings
from domain.custom_domain import Seen
from tests import name_server
from tests.name_server import NameServer
from tests.system.planes import free_port

HOST = "www.example.test"
TXT = f"_shipbook-challenge.{HOST}"


@pytest.fixture
def names() -> Iterator[NameServer]:
    with name_server.serving() as server:
        yield server


def look(names: NameServer, hostname: str = HOST, *, private: bool = True) -> Seen:
    settings = Settings(dns_resolver=names.address, allow_private_networks=private)
    return asyncio.run(Authority(settings).look(hostname))


def test_everything_that_stands_there_is_seen(names: NameServer) -> None:
    names.set(TXT, "TXT", '"one"', '"two " "parts"')
    names.set(HOST, "A", "192.0.2.7")
    names.set(HOST, "AAAA", "2001:db8:0::7")

    seen = look(names)

    assert seen == Seen(
        name_servers=("ns.example.test",), txt=("one", "two parts"), addresses=("192.0.2.7", "2001:db8::7")
    )


def test_an_alias_is_seen_with_where_it_leads(names: NameServer) -> None:
    names.set(HOST, "CNAME", "Shop.Apps.Example.Test.")
    names.set("shop.apps.example.test", "A", "192.0.2.8")

    assert (look(names).cname, look(names).addresses) == ("shop.apps.example.test", ("192.0.2.8",))


def test_a_challenge_may_be_an_alias_for_a_record_elsewhere(names: NameServer) -> None:
    names.set(TXT, "CNAME", "challenges.example.test.")
    names.set("challenges.example.test", "TXT", "token")

    assert look(names).txt == ("token",)


def test_the_zone_that_was_delegated_is_asked(names: NameServer) -> None:
    names.set("sub.example.test", "NS", "ns.sub.example.test.")
    names.set("ns.sub.example.test", "A", "127.0.0.1")

    assert look(names, "www.sub.example.test").name_servers == ("ns.sub.example.test",)


def test_a_wildcard_itself_is_asked_for(names: NameServer) -> None:
    names.set("*.example.test", "A", "192.0.2.7")

    assert look(names, "*.example.test").addresses == ("192.0.2.7",)
    assert ("*.example.test", "A") in names.asked


def test_a_domain_that_nobody_registered_has_no_records(names: NameServer) -> None:
    assert look(names, "www.nobody.invalid") == Seen()


def test_much_and_long_records_are_cut(names: NameServer) -> None:
    names.set(TXT, "TXT", *(f'"{number}{"x" * 250}" "{"y" * 40}"' for number in range(3)))

    assert [len(text) for text in look(names).txt] == [255] * 3


def test_servers_without_authority_or_answer_are_told_of(names: NameServer) -> None:
    names.mute = True
    assert "REFUSED" in str(look(names).failure) or "answer" in str(look(names).failure)


def test_private_name_servers_are_not_asked_unless_the_operator_says_so(names: NameServer) -> None:
    assert look(names, private=False).failure == "its name servers ns.example.test have no public address."


def test_name_servers_without_an_address_are_told_of(names: NameServer) -> None:
    names.set("ns.example.test", "A")

    assert look(names).failure == "its name servers ns.example.test have no address."


def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "LOOK_SECONDS", 0.2)
    settings = Settings(dns_resolver=Address("127.0.0.1", free_port()), allow_private_networks=True)

    assert asyncio.run(Authority(settings).look(HOST)).failure
