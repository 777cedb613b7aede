"""Document 002: "Custom domains: GET/POST /tenants/<t>/projects/<p>/domains · POST .../<domainId>/verify · DELETE." """

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from commands.custom_domain import AddCustomDomain
from domain.catalogue import AnyFact
from domain.fact import tag_of
from domain.identifiers import CustomDomainId, EnvironmentId, stream, uuid7
from projections.sentences import sentence
from services.cli import pointing
from services.cli.session import Session
from services.dns_checking import DnsChecking
from services.exits import WrongUsage
from services.wiring import SystemClock
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

    def point(self, domain: Any, names: NameServer) -> None:
        """Set the records that are wanted: the challenge, and the alias."""
        for record in domain["records"][:2]:
            names.set(record["name"], record["type"], record["value"] + ("." if record["type"] == "CNAME" else ""))

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
    assert (proven["status"], proven["live"], proven["proven"], proven["pointsHere"]) == ("verified", True, True, False)
    assert proven["problem"].startswith("Requests do not come here")
    names.set("right.example.test", "A", "192.0.2.7")
    whole = site.verify(domain)
    assert (whole["pointsHere"], whole["problem"]) == (True, None)
    assert [one["found"] for one in whole["records"]] == [True, False, True, False]


def test_an_alias_points_here_and_proves_nothing(site: Site, names: NameServer) -> None:
    domain = site.add("alias.example.test")
    names.set("alias.example.test", "CNAME", f"{site.host}.")
    aliased = site.verify(domain)
    site.point(domain, names)
    proven = site.verify(domain)

    assert (aliased["status"], aliased["proven"], aliased["pointsHere"]) == ("pending", False, True)
    assert (proven["status"], proven["proven"], proven["pointsHere"]) == ("verified", True, True)
    assert proven["seen"]["cname"] == site.host


def test_a_wildcard_is_proven_beside_the_name_that_it_stands_above(site: Site, names: NameServer) -> None:
    domain = site.add("*.wild.example.test")
    txt = domain["records"][0]
    assert txt["name"] == "_shipbook-challenge.wild.example.test"
    names.set(txt["name"], "TXT", txt["value"])
    names.set("*.wild.example.test", "A", "192.0.2.7")

    proven = site.verify(domain)

    assert (proven["status"], proven["pointsHere"]) == ("verified", True)
    assert proven["certificate"]["status"] == "per-host"


def test_name_servers_that_do_not_answer_are_told_of(site: Site, names: NameServer) -> None:
    domain = site.add("mute.example.test")
    names.mute = True
    try:
        asked = site.verify(domain)
    finally:
        names.mute = False

    assert "could not be asked" in asked["problem"]
    assert asked["seen"]["failure"]
    assert {one["found"] for one in asked["records"]} == {None}


def test_a_name_belongs_to_one_workspace_until_it_is_removed(site: Site, outsider: Caller) -> None:
    other, domain = Site(outsider), site.add("one.example.test")

    for again in ("one.example.test", "ONE.example.test."):
        assert other.add(again, 409)["code"] == "name_taken"
        assert site.add(again, 409)["code"] == "name_taken"
    assert other.add("*.one.example.test")["hostname"] == "*.one.example.test"
    assert site.caller.http.delete(f"{site.caller.base}{site.path}/{domain['id']}").status_code == 204
    assert site.caller.get(f"{site.path}/{domain['id']}", 404)["message"] == "There is no such custom domain."
    mine = other.add("one.example.test")
    assert mine["records"][0]["value"] != domain["records"][0]["value"]


def test_a_domain_that_is_added_again_needs_no_other_record(site: Site) -> None:
    domain = site.add("again.example.test")
    assert site.caller.http.delete(f"{site.caller.base}{site.path}/{domain['id']}").status_code == 204

    assert site.add("again.example.test")["records"] == domain["records"]


def test_a_name_is_kept_in_its_ascii_form_and_shown_to_people(site: Site) -> None:
    domain = site.add("Bücher.Example.Test")

    assert domain["hostname"] == "xn--bcher-kva.example.test"
    assert domain["displayName"] == "bücher.example.test"


@pytest.mark.parametrize(
    "hostname",
    ["", "localhost", "192.0.2.1", "https://example.test", "x.apps.example.org", "a_b.example.test", "*.test"],
)
def test_what_no_domain_can_be_is_refused_with_the_field(site: Site, hostname: str) -> None:
    refused = site.add(hostname, 400)

    assert [one["field"] for one in refused["details"]] == ["hostname"]


def test_a_domain_redirects_moves_and_answers_again(site: Site) -> None:
    caller = site.caller
    staging = caller.post(f"/projects/{site.project['id']}/environments", {"name": "staging", "branch": "next"})
    domain = site.add("www.move.example.test", redirectTo="Move.Example.Test", redirectStatus=301)
    place = f"{site.path}/{domain['id']}"
    assert (domain["redirectTo"], domain["redirectStatus"]) == ("move.example.test", 301)

    moved = caller.patch(place, {"environmentId": staging["id"], "redirectTo": None})

    assert (moved["environmentId"], moved["redirectTo"], moved["redirectStatus"]) == (staging["id"], None, None)
    assert moved["records"][1]["value"] == f"{staging['label']}.apps.example.org"
    assert caller.patch(place, {"redirectTo": "www.move.example.test"}, 400)["details"][0]["field"] == "redirectTo"
    assert caller.patch(place, {"environmentId": site.project["id"]}, 404)["code"] == "not_found"


def test_the_runtime_of_an_environment_shows_its_domains(site: Site, names: NameServer) -> None:
    place = f"/projects/{site.project['id']}/environments/{site.project['environments'][0]['id']}/runtime"
    domain = site.add("runtime.example.test")
    site.point(domain, names)
    before = site.caller.get(place)
    site.verify(domain)

    after = site.caller.get(place)

    assert [(one["hostname"], one["live"]) for one in before["domains"]] == [("runtime.example.test", False)]
    assert [(one["hostname"], one["live"]) for one in after["domains"]] == [("runtime.example.test", True)]
    assert (len(before["urls"]), len(after["urls"])) == (1, 2)
    assert after["urls"][1].startswith("http://runtime.example.test")


def test_lists_are_by_environment_and_status_and_page_by_page(site: Site) -> None:
    for number in range(3):
        site.add(f"list{number}.example.test")
    place = site.project["environments"][0]["id"]

    wanted = {"environmentId": place, "status": "pending", "limit": 2}
    page = site.caller.get(site.path, params=wanted)

    assert [one["hostname"] for one in page["items"]] == ["list0.example.test", "list1.example.test"]
    rest = site.caller.get(site.path, params={**wanted, "cursor": page["nextCursor"]})
    assert [one["hostname"] for one in rest["items"]] == ["list2.example.test"]
    assert site.caller.get(site.path, params={"status": "verified"})["items"] == []


def test_a_write_named_by_its_caller_is_done_once(site: Site) -> None:
    key = {"Idempotency-Key": "one"}
    first = site.caller.post(site.path, {"hostname": "once.example.test"}, headers=key)
    assert site.caller.post(site.path, {"hostname": "once.example.test"}, headers=key) == first

    place, gone = f"{site.caller.base}{site.path}/{first['id']}", {"Idempotency-Key": "gone"}
    assert [site.caller.http.delete(place, headers=gone).status_code for _ in range(2)] == [204, 204]


def test_another_workspace_and_another_project_see_nothing(site: Site, outsider: Caller) -> None:
    domain, elsewhere = site.add("mine.example.test"), Site(site.caller)

    for place in (f"{elsewhere.path}/{domain['id']}", f"{Site(outsider).path}/{domain['id']}"):
        caller = site.caller if place.startswith(elsewhere.path) else outsider
        assert caller.get(place, 404)["code"] == "not_found"
        assert caller.patch(place, {}, 404)["code"] == "not_found"
        assert caller.post(f"{place}/verify", None, 404)["code"] == "not_found"
        assert caller.http.delete(caller.base + place).status_code == 404
    assert site.caller.get(f"{site.path}/{domain['id']}")["hostname"] == "mine.example.test"


def test_every_look_and_change_is_a_fact_that_tells_of_itself(plane: Plane, site: Site, names: NameServer) -> None:
    domain = site.add("audit.example.test")
    site.verify(domain)
    site.point(domain, names)
    site.verify(domain)
    site.caller.http.delete(f"{site.caller.base}{site.path}/{domain['id']}", params={"reason": "sold"})

    told = plane.call(plane.core.log.read(stream("custom-domain", domain["id"])))

    tags = [tag_of(one.fact).removeprefix("custom-domain.") for one in told]
    assert tags == ["added", "checked", "checked", "verified", "removed"]
    said = sentence(cast("AnyFact", told[1].fact), "insider")
    assert "There is no TXT record at _shipbook-challenge.audit.example.test" in said
    assert (told[-1].context.reason, told[-1].context.actor.name) == ("sold", site.caller.email)


def test_the_worker_looks_by_itself_and_notices_a_loss(plane: Plane, site: Site, names: NameServer) -> None:
    domain = site.add("self.example.test")
    site.point(domain, names)
    later = plane.core.clock.now() + timedelta(minutes=2)
    checking = DnsChecking(replace(plane.core, clock=_At(later)), plane.settings)

    plane.call(checking.look())
    plane.wait(lambda: site.caller.get(f"{site.path}/{domain['id']}")["status"] == "verified")
    names.set(domain["records"][0]["name"], "TXT")
    plane.call(DnsChecking(replace(plane.core, clock=_At(later + timedelta(days=2))), plane.settings).look())
    plane.wait(lambda: site.caller.get(f"{site.path}/{domain['id']}")["status"] == "losing")
    plane.call(DnsChecking(replace(plane.core, clock=_At(later + timedelta(days=9))), plane.settings).look())
    plane.wait(lambda: site.caller.get(f"{site.path}/{domain['id']}")["status"] == "unrouted")


def test_a_domain_whose_environment_is_gone_goes_as_well(plane: Plane, site: Site) -> None:
    kept, gone = site.add("kept.example.test"), uuid7()
    orphan = AddCustomDomain(
        domain_id=CustomDomainId(gone),
        tenant_id=site.caller.tenant,
        project_id=site.project["id"],
        environment_id=EnvironmentId(gone),
        hostname="gone.example.test",
        apps_domain="apps.example.org",
    )
    plane.do(site.caller.tenant, orphan)

    plane.call(DnsChecking(plane.core, plane.settings).sweep())

    plane.wait(lambda: [one["id"] for one in site.caller.get(site.path)["items"]] == [kept["id"]])


def test_the_command_line_adds_shows_verifies_changes_and_removes(
    site: Site, names: NameServer, capsys: pytest.CaptureFixture[str]
) -> None:
    slug = site.project["slug"]
    with Session(api_url=site.caller.plane.url, token=site.caller.token, environ={}) as session:
        assert pointing.listing(session, slug) == 0
        assert "There is no custom domain" in capsys.readouterr().err
        assert pointing.add(session, "cli.example.test", slug, "production", None, 308) == 0
        assert "_shipbook-challenge.cli.example.test" in capsys.readouterr().out
        assert pointing.verify(session, "cli.example.test", slug, wait=False) == 1
        assert "There is no TXT record" in capsys.readouterr().err
        site.point(site.caller.get(site.path)["items"][0], names)
        assert pointing.verify(session, "CLI.example.test.", slug, wait=True) == 0
        assert pointing.change(session, "cli.example.test", slug, None, "x.example.test", 301, no_redirect=False) == 0
        assert pointing.show(session, "cli.example.test", slug) == 0
        assert "redirects to x.example.test" in capsys.readouterr().out
        assert pointing.remove(session, "cli.example.test", slug) == 0
        with pytest.raises(WrongUsage, match="no custom domain"):
            pointing.show(session, "cli.example.test", slug)


class _At(SystemClock):
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at
