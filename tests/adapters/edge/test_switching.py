"""No request fails while a host changes what it shows."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from adapters.edge.table import ServiceRoute, StaticRoute
from tests.adapters.edge.loading import Load
from tests.adapters.edge.running import Instance

SWITCHES = 20
DRAIN_SECONDS = 0.15
"""How long a replaced instance lives on; a request that is passed to it after 50 ms would find it gone."""


async def service(edge, host, name, lives):
    instance = Instance(name)
    return ServiceRoute(host, name, (await lives.enter_async_context(instance.serving()),))


async def static(edge, host, name, lives):
    return StaticRoute(host, name, edge.artifact(index__html=name))


async def switching(edge, kinds, methods):
    """Show one kind after the other under load; returns what the clients saw."""
    host = edge.host()
    async with edge.table() as table:
        lives = AsyncExitStack()
        table.put(await kinds[0](edge, host, "0", lives))
        load = Load(edge, host, methods)
        await load.until_seen(b"0")
        for turn in range(1, SWITCHES + 1):
            following = AsyncExitStack()
            table.put(await kinds[turn % len(kinds)](edge, host, str(turn), following))
            await load.until_seen(str(turn).encode())
            await asyncio.sleep(DRAIN_SECONDS)
            await lives.aclose()
            lives = following
        await load.end()
        await lives.aclose()
    return load.seen


@pytest.mark.parametrize(
    ("kinds", "methods"),
    [((service,), ("GET", "POST")), ((static,), ("GET",)), ((service, static), ("GET",))],
    ids=["between services", "between static releases", "between a service and a static release"],
)
def test_twenty_switches_under_load_fail_no_request(edge, kinds, methods):
    seen = asyncio.run(switching(edge, kinds, methods))
    assert {status for status, _ in seen} == {200}
    assert {int(body) for _, body in seen} == set(range(SWITCHES + 1))
    assert seen.total() > 1000
