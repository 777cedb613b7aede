"""Document 002: "Custom domains: GET/POST /tenants/<t>/projects/<p>/domains · POST .../<domainId>/verify · DELETE." """

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests import name_server
from tests.dialects.plane import Caller, Plane, running
from tests.name_server import NameServer

ADDRESSES = "192.0.2.7, 2001:db8::7"


@pytest.fixture(scope="module")
def names() -> Iterator[NameServer]:
    """The name server that the plane of this module asks."""
    with name_server.serving() as server:
        yield server


@pytest.fixture(scope="module")
def plane(postgres_url: str, names: NameServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A plane that asks the name server of this module."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(b"CREATE DATABASE domains")
    url = make_conninfo(**{**conninfo_to_dict(postgres_url), "dbname": "domains"})
    known = {"public_addresses": ADDRESSES, "apps_domain": "apps.example.org"}
    reach: dict[str, Any] = {"dns_resolver": names.address, "allow_private_networks": True}
    with running(url, tmp_path_factory.mktemp("domains"), **known, **reach) as plane:
        yield plane


class Site:
    """A project, and its domains."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.project = caller.project()
        self.path = f"/projects/{self.project['id']}/domains"
        self.host = f"{self.project['environments'][0]['label']}.apps.example.org"

    def add(self, hostname: str, status: int = 201, **fields: Any) -> Any:
        return self.caller.post(self.path, {"hostname": hostname, **fields}, status)

    def verify(self, domain: Any) -> Any:
        return self.caller.post(f"{self.path}/{domain['id']}/verify", status=200)


@pytest.fixture
def site(insider: Caller) -> Site:
    return Site(insider)


def test_a_domain_is_added_and_the_answer_says_which_records_to_set(site: Site) -> None:
    domain = site.add("Shop.Example.Test.")

    assert (domain["hostname"], domain["status"], domain["live"]) == ("shop.example.test", "pending", False)
    records = [(one["type"], one["name"], one["value"]) for one in domain["records"]]
    assert records == [
        ("TXT", "_shipbook-challenge.shop.example.test", domain["records"][0]["value"]),
        ("CNAME", "shop.example.test", site.host),
        ("A", "shop.example.test", "192.0.2.7"),
        ("AAAA", "shop.example.test", "2001:db8::7"),
    ]
    assert site.caller.get(site.path)["items"] == [domain]
    assert site.caller.get(f"{site.path}/{domain['id']}") == domain


def test_verifying_says_what_is_wrong_until_it_is_right(site: Site, names: NameServer) -> None:
    domain = site.add("right.example.test")
    txt, value = domain["records"][0]["name"], domain["records"][0]["value"]

    assert f"There is no TXT record at {txt}" in site.verify(domain)["problem"]
    names.set(txt, "TXT", '"something else"')
    wrong = site.verify(domain)
    assert (wrong["status"], wrong["attempts"], wrong["seen"]["txt"]) == ("pending", 2, ["something else"])
    assert f"holds 'something else', not '{value}'" in wrong["problem"]
    names.set(txt, "TXT", '"something else"', f'"{value}"')
    proven = site.verify(domain)
    assert (proven["status"], proven["live"], proven["proof"], proven["pointsHere"]) == ("verified", True, "txt", False)
    assert "requests do not come here" in proven["problem"]
    names.set("right.example.test", "A", "192.0.2.7")
    whole = site.verify(domain)
    assert (whole["pointsHere"], whole["problem"]) == (True, None)
    assert [one["found"] for one in whole["records"]] == [True, False, True, False]
