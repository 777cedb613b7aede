"""No request fails while the process that knows the instances is dead, however and for how long."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from signal import SIGSTOP
from time import monotonic

from adapters.edge.sites import Sites
from adapters.edge.table import ServiceRoute
from tests.adapters.edge.loading import Load
from tests.adapters.edge.responding import responding
from tests.adapters.edge.running import Instance

AWAY_SECONDS = 6.3
"""Longer than the supervisor's longest pause, and than Go's resolver waits for an answer."""


@asynccontextmanager
async def loaded(edge, host, upstream, instance):
    """Load on a host whose responder is a process; yields both. The instance gets a new connection for each request."""
    Sites(edge.settings.sites_dir).proxy(host)
    with responding(edge.settings.instances_socket, host, upstream) as responder:
        load = Load(edge, host, ("GET", "POST"), kept=4, fresh=4)
        try:
            await load.until_seen(instance.name.encode())
            yield load, responder
        finally:
            await load.end()


def test_without_the_responder_every_request_reaches_the_last_instance_and_soon_after_it_is_back_the_next(edge):
    async def scenario():
        host, old, new = edge.host(), Instance("old", hangs_up=True), Instance("new", hangs_up=True)
        async with (
            old.serving() as upstream,
            new.serving() as next_upstream,
            loaded(edge, host, upstream, old) as (load, responder),
        ):
            responder.kill()
            responder.wait()
            await asyncio.sleep(AWAY_SECONDS)
            alone = load.seen.copy()
            async with edge.table() as table:
                table.put(ServiceRoute(host, "r", (next_upstream,)))
                back = monotonic()
                await load.until_seen(b"new")
                seconds = monotonic() - back
                await load.until_all_answered(1)
            return alone, load.seen, seconds

    alone, seen, seconds = asyncio.run(scenario())
    assert set(alone) == {(200, b"old")}
    assert alone.total() > 100
    assert {status for status, _ in seen} == {200}
    assert seconds < 0.5


def test_a_responder_that_is_killed_with_a_question_in_hand_holds_nobody_up(edge):
    async def scenario():
        host, instance = edge.host(), Instance("here", hangs_up=True)
        async with instance.serving() as upstream, loaded(edge, host, upstream, instance) as (load, responder):
            responder.send_signal(SIGSTOP)
            await load.until(lambda: monotonic() > load.answered_at + 0.3)  # so a question waits for its answer
            responder.kill()
            await load.until_all_answered(1)
            return load.seen

    assert set(asyncio.run(scenario())) == {(200, b"here")}


def test_new_instances_are_reached_although_the_responder_died_many_times(edge):
    async def scenario():
        host = edge.host()
        async with AsyncExitStack() as lives:
            instances = [Instance(str(n), hangs_up=True) for n in range(8)]
            upstreams = [await lives.enter_async_context(instance.serving()) for instance in instances]
            Sites(edge.settings.sites_dir).proxy(host)
            load = Load(edge, host, kept=2, fresh=2)
            for instance, upstream in zip(instances, upstreams, strict=True):
                with responding(edge.settings.instances_socket, host, upstream):
                    await load.until_seen(instance.name.encode())
            await load.end()
            return load.seen

    seen = asyncio.run(scenario())
    assert {status for status, _ in seen} == {200}
    assert {int(body) for _, body in seen} == set(range(8))
