"""Customers' own host names at the edge: redirects and wildcards, without a reload."""

import asyncio

import pytest

from adapters.edge.table import RedirectRoute, ServiceRoute, StaticRoute
from tests.adapters.edge.running import Instance


@pytest.mark.parametrize(("scheme", "status"), [("https", 308), ("http", 301)])
def test_a_redirect_keeps_path_and_query(edge, scheme, status):
    async def scenario():
        async with edge.table() as table:
            host = edge.host()
            table.apply([RedirectRoute(host, "example.com:8443", scheme=scheme, status=status)])
            return await edge.ask(host, "/a%20b/?c=d&e", "POST")

    answer = asyncio.run(scenario())
    assert (answer.status, answer.headers["location"]) == (status, f"{scheme}://example.com:8443/a%20b/?c=d&e")


def test_a_host_becomes_a_redirect_and_an_application_again(edge):
    async def scenario():
        async with edge.table() as table:
            host, artifact = edge.host(), edge.artifact(index__html="one")
            answers = []
            for route in (
                StaticRoute(host, "r1", artifact),
                RedirectRoute(host, "example.com"),
                RedirectRoute(host, "example.org"),
                StaticRoute(host, "r1", artifact),
            ):
                table.apply([route])
                answers.append(await edge.ask(host))
            table.apply([])
            answers.append(await edge.ask(host))
            return answers

    first, sent, elsewhere, again, gone = asyncio.run(scenario())
    assert [one.status for one in (first, sent, elsewhere, again, gone)] == [200, 308, 308, 200, 404]
    assert [one.headers["location"] for one in (sent, elsewhere)] == ["https://example.com/", "https://example.org/"]


def test_a_wildcard_shows_what_no_host_of_its_own_shows(edge):
    async def scenario():
        async with edge.table() as table:
            parent = edge.host()
            table.apply(
                [
                    StaticRoute(f"*.{parent}", "r1", edge.artifact(index__html="wildcard")),
                    StaticRoute(f"own.{parent}", "r2", edge.artifact(index__html="own")),
                ]
            )
            asked = (f"a.{parent}", f"b.{parent}", f"own.{parent}", f"a.b.{parent}", parent, f"_.{parent}")
            return [await edge.ask(host) for host in asked]

    answers = asyncio.run(scenario())
    assert [one.body for one in answers[:3]] == [b"wildcard", b"wildcard", b"own"]
    assert [one.status for one in answers[3:]] == [404, 404, 404]


def test_a_wildcard_passes_requests_to_a_service(edge):
    async def scenario():
        parent = edge.host()
        async with edge.table() as table, Instance("served").serving() as upstream:
            table.apply([ServiceRoute(f"*.{parent}", "r1", (upstream,))])
            return await edge.ask(f"any.{parent}")

    assert asyncio.run(scenario()).body == b"served"


def test_what_was_shown_is_found_again_after_a_restart(edge):
    async def scenario():
        wildcard, host = f"*.{edge.host()}", edge.host()
        async with edge.table() as table:
            table.apply([RedirectRoute(host, "example.com"), StaticRoute(wildcard, "r1", edge.artifact(x="x"))])
        async with edge.table() as table:
            table.apply([])
            return await edge.ask(host), await edge.ask(wildcard.replace("*", "a"))

    assert [one.status for one in asyncio.run(scenario())] == [404, 404]
