"""What Caddy writes of requests: whose they were, and nothing that is secret."""

import asyncio

from adapters.edge import requests
from adapters.edge.access_file import AccessFile
from adapters.edge.table import ServiceRoute, StaticRoute, StoppedRoute
from tests.adapters.edge.running import Instance

SECONDS = 5


async def told(edge, environment, count):
    """The requests to an environment, once there are so many."""
    async with asyncio.timeout(SECONDS):
        while True:
            file = AccessFile(edge.settings.logs_dir)
            block = file.read(64 << 20)
            file.close()
            found = [one for one in requests.found(block.data, 0) if one.environment_id == environment] if block else []
            if len(found) >= count:
                return [requests.decoded(one.line) for one in found]
            await asyncio.sleep(0.02)


def test_each_request_is_told_of_with_its_environment_and_release_and_without_what_is_secret(edge):
    async def scenario():
        host, secret = edge.host(), "hidden4711"
        async with edge.table() as table, Instance("here").serving() as upstream:
            table.put(ServiceRoute(host, "release", (upstream,), "service-environment"))
            asked = {"User_Agent": "tests/1", "Cookie": f"k={secret}", "Authorization": f"Bearer {secret}"}
            await edge.ask(host, f"/a%2Fb?token={secret}", "POST", **asked)
            await edge.ask(host)
        return host, await told(edge, "service-environment", 2), (edge.settings.logs_dir / "access.log").read_text()

    host, (post, get), written = asyncio.run(scenario())
    assert (post.method, post.path, post.status, post.host, post.user_agent) == ("POST", "/a%2Fb", 200, host, "tests/1")
    assert (post.bytes, post.release_id, post.client_address) == (4, "release", "127.0.0.1")
    assert 0 < post.duration_us < 5_000_000
    assert (post.stream, get.stream) == (requests.NOTABLE, requests.USUAL)
    assert "hidden4711" not in written


def test_a_page_that_is_missing_and_an_application_that_is_away_are_told_of_as_well(edge):
    async def scenario():
        page, away = edge.host(), edge.host()
        async with edge.table() as table, Instance("gone").serving() as upstream:
            table.put(StaticRoute(page, "r", edge.artifact(index__html="page"), environment_id="static-environment"))
            await edge.ask(page, "/missing")
            await edge.ask(page)
            table.put(ServiceRoute(away, "r", (), "away-environment"))
            await edge.ask(away)
            assert upstream
        return await told(edge, "static-environment", 2), await told(edge, "away-environment", 1)

    static, [away] = asyncio.run(scenario())
    assert [(one.path, one.status, one.stream) for one in static] == [
        ("/missing", 404, requests.NOTABLE),
        ("/", 200, requests.USUAL),
    ]
    assert away.status in {502, 503}


def test_a_stopped_application_says_so_until_it_is_started_again(edge):
    async def scenario():
        host, wildcard = edge.host(), f"*.{edge.host()}"
        async with edge.table() as table, Instance("here").serving() as upstream:
            service = ServiceRoute(host, "r", (upstream,), "stopped-environment")
            table.put(service)
            answers = [await edge.ask(host)]
            table.apply([StoppedRoute(host, "r", "stopped-environment"), StoppedRoute(wildcard, "r", "e")])
            answers += [await edge.ask(host, "/any/path", "POST"), await edge.ask(wildcard.replace("*", "any"))]
            table.put(service)
            answers += [await edge.ask(host)]
        return answers, await told(edge, "stopped-environment", 3)

    answers, told_of = asyncio.run(scenario())
    assert [answer.status for answer in answers] == [200, 503, 503, 200]
    assert b"is stopped" in answers[1].body
    assert [one.status for one in told_of] == [200, 503, 200]


def test_requests_for_hosts_of_nobody_are_in_nobodys_log(edge):
    async def scenario():
        await edge.ask("nobody.localhost")
        host = edge.host()
        async with edge.table() as table:
            table.put(StaticRoute(host, "r", edge.artifact(index__html="page"), environment_id="somebodys"))
            await edge.ask(host)
        return await told(edge, "somebodys", 1)

    assert asyncio.run(scenario())[0].host.startswith("app-")
