"""A custom domain from its first record to its certificate, and how it is lost: real DNS, a real ACME server, HTTPS."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.settings import Address
from tests import acme_server, name_server
from tests.name_server import NameServer
from tests.system.planes import App, Plane, free_port, running, until
from tests.system.repositories import repository, static

pytestmark = [pytest.mark.xdist_group("another plane"), pytest.mark.timeout(180)]

SHOP = "shop.example.test"
WWW = f"www.{SHOP}"
UNREACHABLE = "unreachable.example.test"
GRACE = {"SHIPBOOK_DOMAIN_GRACE_SECONDS": "2"}


class Customer:
    """Somebody with an application, a DNS zone and a browser that trusts the test's authority alone."""

    def __init__(self, app: App, names: NameServer, tls: Address, root: str) -> None:
        self.app = app
        self.names = names
        self.tls = tls
        self.trusting = ssl.create_default_context(cadata=root)
        self.path = f"/projects/{app.id}/domains"

    def add(self, hostname: str, **fields: Any) -> dict[str, Any]:
        return dict(self.app.api.send("POST", self.path, {"hostname": hostname, **fields}))

    def set(self, domain: dict[str, Any]) -> None:
        """The records that the plane wants."""
        for record in domain["records"]:
            if record["type"] in {"TXT", "A"}:
                self.names.set(record["name"], record["type"], record["value"])

    def verify(self, domain: dict[str, Any]) -> dict[str, Any]:
        return dict(self.app.api.send("POST", f"{self.path}/{domain['id']}/verify"))

    def shown(self, domain: dict[str, Any]) -> dict[str, Any]:
        return dict(self.app.api.send("GET", f"{self.path}/{domain['id']}"))

    def comes(self, domain: dict[str, Any], **wanted: Any) -> dict[str, Any]:
        """The domain once it stands so."""

        def look() -> dict[str, Any] | None:
            found = self.shown(domain)
            return found if all(found[name] == value for name, value in wanted.items()) else None

        return until(look, 30, f"the domain is never {wanted}: {self.shown(domain)}")

    def plain(self, host: str) -> httpx.Response:
        return self.app.api.plane.page(host, "/about?x=1")

    def secure(self, host: str) -> httpx.Response:
        """What the host answers over HTTPS; raises where its certificate is not the host's own."""
        with httpx.Client(verify=self.trusting, timeout=30, trust_env=False) as client:
            url = f"https://{self.tls}/about"
            return client.get(url, headers={"Host": host}, extensions={"sni_hostname": host})


@pytest.fixture
def customer(tmp_path: Path) -> Iterator[Customer]:
    """A plane with HTTPS, an application in it, and the world around it."""
    edge, tls = Address("127.0.0.1", free_port()), Address("127.0.0.1", free_port())
    with ExitStack() as stack:
        names = stack.enter_context(name_server.serving())
        around = {"edge": edge, "tls": tls, "resolver": names.address}
        acme = stack.enter_context(acme_server.running(tmp_path / "acme", **around))
        settings = {
            "SHIPBOOK_EDGE_TLS": str(tls),
            "SHIPBOOK_ACME_DIRECTORY": acme.directory,
            "SHIPBOOK_ACME_CA_ROOT": str(acme.root),
            "SHIPBOOK_DNS_RESOLVER": str(names.address),
            "SHIPBOOK_PUBLIC_ADDRESSES": "127.0.0.1, ::1",
            **GRACE,
        }
        plane: Plane = stack.enter_context(running(tmp_path / "plane", edge=str(edge), **settings))
        app = plane.api.project(repository(tmp_path / "site", static()), "static", "Shop")
        app.deploy()
        yield Customer(app, names, tls, acme.signing_root())


def test_a_domain_is_verified_certified_served_lost_and_added_again(customer: Customer) -> None:
    unreachable, www = customer.add(UNREACHABLE), customer.add(WWW, redirectTo=SHOP)
    customer.names.set(unreachable["records"][0]["name"], "TXT", unreachable["records"][0]["value"])
    customer.names.set(UNREACHABLE, "AAAA", "::1")  # where the edge does not listen
    customer.set(www)
    assert [customer.verify(one)["pointsHere"] for one in (unreachable, www)] == [True, True]

    domain = customer.add(SHOP)
    txt = domain["records"][0]
    customer.names.set(txt["name"], "TXT", "wrong")
    assert f"holds 'wrong', not '{txt['value']}'" in customer.verify(domain)["problem"]
    assert customer.plain(SHOP).status_code == 404

    customer.set(domain)
    assert customer.verify(domain)["status"] == "verified"
    certified = until(lambda: _issued(customer.shown(domain)), 30, "no certificate came")
    assert "Pebble" in certified["certificate"]["issuer"]
    assert certified["url"] == f"https://{SHOP}:{customer.tls.port}"
    assert "about one" in customer.secure(SHOP).text
    redirected = until(lambda: _if(customer.plain(SHOP), 308), 10)
    assert redirected.headers["location"] == f"https://{SHOP}:{customer.tls.port}/about?x=1"
    with pytest.raises(httpx.ConnectError, match="internal error"):
        customer.secure("unknown.example.test")

    assert customer.secure(WWW).headers["location"] == f"https://{SHOP}:{customer.tls.port}/about"

    customer.names.set(txt["name"], "TXT")
    lost = customer.verify(domain)
    assert (lost["status"], lost["live"], lost["unrouteAt"] is None) == ("losing", True, False)
    assert "about one" in customer.secure(SHOP).text
    customer.comes(domain, status="unrouted", live=False)
    until(lambda: _if(customer.secure(SHOP), 404), 10)

    customer.set(domain)
    assert customer.verify(domain)["status"] == "verified"
    until(lambda: _if(customer.secure(SHOP), 200), 10)

    customer.app.api.send("DELETE", f"{customer.path}/{domain['id']}")
    until(lambda: _if(customer.secure(SHOP), 404), 10)
    failed = customer.shown(unreachable)["certificate"]
    assert (failed["status"], "acme:error" in failed["problem"]) == ("failed", True), failed

    again = customer.add(SHOP)
    assert again["records"][0]["value"] == txt["value"]
    assert customer.verify(again)["status"] == "verified"
    until(lambda: _if(customer.secure(SHOP), 200), 10)
    customer.app.api.send("PATCH", f"{customer.path}/{again['id']}", {"redirectTo": WWW})
    circle = until(lambda: _if(customer.secure(WWW), 200), 10, "two hosts redirect to each other")
    assert "about one" in circle.text


def _issued(domain: dict[str, Any]) -> dict[str, Any] | None:
    return domain if domain["certificate"]["status"] == "issued" else None


def _if(answer: httpx.Response, status: int) -> httpx.Response | None:
    return answer if answer.status_code == status else None
