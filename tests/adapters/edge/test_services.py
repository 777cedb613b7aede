"""Requests reach a living instance of the host's service, as they were sent, at once."""

import asyncio
import statistics
from collections import Counter
from contextlib import AsyncExitStack
from time import monotonic

from adapters.edge.responder import Responder, Upstream
from adapters.edge.sites import Sites
from adapters.edge.table import EdgeTable, ServiceRoute, StaticRoute
from tests.adapters.edge.running import Instance, close


def test_a_request_reaches_the_instance_with_the_host_and_who_asks(edge):
    async def scenario():
        instance, host = Instance("here"), edge.host()
        async with edge.table() as table, instance.serving() as upstream:
            table.put(ServiceRoute(host, "r", (upstream,)))
            answer = await edge.ask(host, "/a%2Fb?c=%20d", X_Forwarded_For="6.6.6.6", Cookie="k=v")
            return host, answer, instance.asked

    host, answer, [asked] = asyncio.run(scenario())
    assert (answer.status, answer.body) == (200, b"here")
    assert asked.startswith("GET /a%2Fb?c=%20d HTTP/1.1\r\n")
    for line in (f"Host: {host}", "X-Forwarded-For: 127.0.0.1", f"X-Forwarded-Host: {host}", "Cookie: k=v"):
        assert line in asked.split("\r\n")


def test_an_answer_is_passed_on_as_it_comes(edge):
    async def scenario():
        instance, host = Instance("slow", slowly=asyncio.Event()), edge.host()
        async with edge.table() as table, instance.serving() as upstream, edge.connection() as connection:
            table.put(ServiceRoute(host, "r", (upstream,)))
            connection.writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            status, headers = await connection.head()
            async with asyncio.timeout(5):
                first = await connection.reader.readuntil(b"first\r\n")
                instance.slowly.set()
                second = await connection.reader.readuntil(b"0\r\n\r\n")
            return status, headers, first, second

    status, headers, first, second = asyncio.run(scenario())
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    assert b"first" in first
    assert b"second" in second


def test_a_websocket_passes(edge):
    async def scenario():
        host, over = edge.host(), asyncio.Event()

        async def echo(reader, writer):
            assert b"Upgrade: websocket" in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            while data := await reader.read(100):
                writer.write(data)
            await close(writer)
            over.set()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with edge.table() as table, server, asyncio.timeout(10):
            table.put(ServiceRoute(host, "r", (Upstream("127.0.0.1", server.sockets[0].getsockname()[1]),)))
            async with edge.connection() as connection:
                connection.writer.write(
                    f"GET /chat HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode()
                )
                status, _ = await connection.head()
                connection.writer.write(b"frame")
                echoed = await connection.reader.readexactly(5)
            await over.wait()
            return status, echoed

    assert asyncio.run(scenario()) == (101, b"frame")


def test_requests_are_shared_by_weight(edge):
    async def scenario():
        host = edge.host()
        async with edge.table() as table, Instance("a").serving() as a, Instance("b").serving() as b:
            table.put(ServiceRoute(host, "r", (a, Upstream(b.host, b.port, weight=3))))
            async with edge.connection() as connection:
                return Counter([(await connection.ask(host)).body for _ in range(400)])

    shares = asyncio.run(scenario())
    assert 50 <= shares[b"a"] <= 150  # a quarter of 400, six standard deviations wide
    assert shares.total() == 400


def test_a_host_may_have_more_instances_than_an_answer_to_caddy_holds(edge):
    async def scenario():
        host = edge.host()
        async with AsyncExitStack() as stack:
            table = await stack.enter_async_context(edge.table())
            upstreams = [await stack.enter_async_context(Instance(str(n)).serving()) for n in range(120)]
            table.put(ServiceRoute(host, "r", tuple(upstreams)))
            async with edge.connection() as connection:
                return [await connection.ask(host) for _ in range(50)]

    assert {answer.status for answer in asyncio.run(scenario())} == {200}


def test_a_dead_instance_among_others_fails_no_request(edge):
    async def scenario():
        host = edge.host()
        async with edge.table() as table, Instance("alive").serving() as alive:
            async with Instance("dead").serving() as dead:
                table.put(ServiceRoute(host, "r", (alive, dead)))
                await edge.ask(host)
            async with edge.connection() as connection:
                return [await connection.ask(host, method=method) for method in ["GET", "POST"] * 20]

    assert {(answer.status, answer.body) for answer in asyncio.run(scenario())} == {(200, b"alive")}


def test_a_service_without_an_instance_says_so_within_seconds(edge):
    async def scenario():
        host = edge.host()
        async with edge.table() as table:
            table.put(ServiceRoute(host, "r", (Upstream("127.0.0.1", 1),)))
            began = monotonic()
            return await edge.ask(host), monotonic() - began

    answer, seconds = asyncio.run(scenario())
    assert answer.status in {502, 503}
    assert b"does not answer" in answer.body
    assert seconds < 8


def test_an_instance_is_used_within_a_tenth_of_a_second(edge):
    async def scenario():
        host, taken = edge.host(), []
        async with (
            edge.table() as table,
            edge.connection() as connection,
            Instance("a").serving() as a,
            Instance("b").serving() as b,
        ):
            for name, upstream in [(b"a", a), (b"b", b)] * 5:
                table.put(ServiceRoute(host, "r", (upstream,)))
                began = monotonic()
                while (await connection.ask(host)).body != name:
                    pass
                taken.append(monotonic() - began)
        return taken

    taken = asyncio.run(scenario())
    assert statistics.median(taken) < 0.1
    assert max(taken) < 1


def test_a_host_asked_for_in_vain_works_as_soon_as_it_exists(edge):
    async def scenario():
        host = edge.host()
        async with edge.table() as table, Instance("here").serving() as upstream:
            vain = [await edge.ask(host) for _ in range(3)]
            table.put(ServiceRoute(host, "r", (upstream,)))
            return vain, await edge.ask(host)

    vain, answer = asyncio.run(scenario())
    assert {one.status for one in vain} == {404}
    assert (answer.status, answer.body) == (200, b"here")


def test_the_whole_table_replaces_what_was_shown(edge, tmp_path):
    async def scenario():
        kept, gone, changed = edge.host(), edge.host(), edge.host()
        async with edge.table() as table, Instance("service").serving() as upstream:
            page = StaticRoute(kept, "r", edge.artifact(index__html="page"))
            table.apply([page, ServiceRoute(gone, "r", (upstream,)), StaticRoute(changed, "r", page.artifact)])
            before = [(await edge.ask(host)).body for host in (kept, gone, changed)]
            for _ in range(2):
                table.apply([page, ServiceRoute(changed, "r", (upstream,))])
            return before, [await edge.ask(host) for host in (kept, gone, changed)]

    before, after = asyncio.run(scenario())
    assert before == [b"page", b"service", b"page"]
    assert [answer.status for answer in after] == [200, 404, 200]
    assert [answer.body for answer in after[::2]] == [b"page", b"service"]


def test_the_links_alone_say_what_a_host_shows_when_the_edge_starts_again(tmp_path):
    sites = Sites(tmp_path)
    EdgeTable(Responder(), sites).apply(
        [ServiceRoute("a.localhost", "r", ()), StaticRoute("b.localhost", "r", tmp_path)]
    )
    assert Sites(tmp_path).hosts() == {"a.localhost", "b.localhost"}
