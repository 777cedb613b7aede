"""A doorbell wakes whoever waits; whoever is not woken looks by himself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from adapters.bell import Bell
from adapters.nats.connecting import Connection
from adapters.nats.doorbell import Doorbells
from adapters.nats.publishing import FactPublisher
from domain.identifiers import TenantId
from tests.adapters.nats.facts import TENANT, cancelled, identifier
from tests.adapters.nats.servers import NatsServer, eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bells(connection: Connection) -> AsyncIterator[Doorbells]:
    async with Doorbells(connection) as bells:
        with bells.bell("ready") as ready:
            assert await ready.wait(5)
        yield bells


@pytest.fixture
async def elsewhere(nats: NatsServer) -> AsyncIterator[Doorbells]:
    """The bells of another process."""
    async with Connection(nats.locate, name="elsewhere") as connection, Doorbells(connection) as bells:
        with bells.bell("ready") as ready:
            assert await ready.wait(5)
        yield bells


async def test_a_ring_reaches_every_process_and_only_those_who_wait_for_its_name(
    bells: Doorbells, elsewhere: Doorbells
) -> None:
    with bells.bell("log.a") as here, elsewhere.bell("log.a") as there, bells.bell("log.b") as other:
        elsewhere.ring("log.a")
        assert await here.wait(2)
        assert await there.wait(2)
        assert not await other.wait(0.05)


async def test_a_ring_between_clear_and_wait_is_not_missed(bells: Doorbells) -> None:
    with bells.bell("model") as bell, bells.bell("model") as witness:
        bell.clear()
        bells.ring("model")
        assert await witness.wait(2)
        assert await bell.wait(0)


async def test_a_lost_ring_costs_no_more_than_the_wait(bells: Doorbells) -> None:
    with bells.bell("model") as bell:
        began = asyncio.get_running_loop().time()
        assert not await bell.wait(0.1)
        assert asyncio.get_running_loop().time() - began < 1


async def test_many_rings_of_one_name_become_few(bells: Doorbells, connection: Connection) -> None:
    session = await connection.session()
    before = session.client.stats["out_msgs"]
    with bells.bell("last") as last:
        for _ in range(10_000):
            bells.ring("model")
        bells.ring("last")
        assert await last.wait(2)
    assert session.client.stats["out_msgs"] - before <= 3


async def test_two_thousand_readers_of_one_process_are_woken_by_one_ring(bells: Doorbells) -> None:
    with ExitStack() as stack:
        waiters = [stack.enter_context(bells.bell("model")) for _ in range(2000)]
        waits = [asyncio.create_task(waiter.wait(10)) for waiter in waiters]
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        bells.ring("model")
        assert all(await asyncio.gather(*waits))
        assert asyncio.get_running_loop().time() - began < 2


async def test_a_ring_neither_fails_nor_waits_while_nats_is_away(absent_nats: NatsServer) -> None:
    async with Connection(absent_nats.locate, name="test") as connection, Doorbells(connection) as bells:
        with bells.bell("model") as bell:
            bells.ring("model")
            assert not await bell.wait(0.05)
            absent_nats.start()
            assert await bell.wait(3)  # because the connection is new, and there may be news


@pytest.mark.parametrize("wiped", [False, True])
async def test_bells_ring_again_within_two_seconds_of_a_restart(
    nats: NatsServer, bells: Doorbells, elsewhere: Doorbells, wiped: bool
) -> None:
    with bells.bell("model") as bell, bells.facts("deployment.cancelled") as facts:
        await facts.wait(2)
        nats.kill()
        if wiped:
            nats.wipe()
        nats.start()

        async def heard(bell: Bell = bell) -> bool:
            elsewhere.ring("model")
            return await bell.wait(0.02)

        async with asyncio.timeout(2):
            assert await facts.wait(2) == []
        await bell.wait(0.5)
        bell.clear()
        await eventually(heard, within=2)


async def test_a_fact_rings_for_those_who_listen_for_its_tag_and_tells_where_it_stands(
    bells: Doorbells, connection: Connection
) -> None:
    with bells.facts("deployment.cancelled") as bell, bells.facts("deployment.queued") as other:
        await bell.wait(2)
        await other.wait(2)
        await FactPublisher(connection).publish([cancelled(8), cancelled(9)])
        arrivals = await bell.wait(2)
        while len(arrivals) < 2:
            arrivals += await bell.wait(2)
        assert await other.wait(0.05) == []
    assert [(arrival.tenant_id, arrival.tag, arrival.position) for arrival in arrivals] == [
        (TENANT, "deployment.cancelled", 8),
        (TENANT, "deployment.cancelled", 9),
    ]
    assert arrivals[0].stream == f"deployment-{identifier(8)}"


async def test_a_tenants_filter_hears_no_other_tenants_facts(bells: Doorbells, connection: Connection) -> None:
    theirs = TenantId(identifier(66))
    with bells.facts("deployment.cancelled", TENANT) as bell:
        await bell.wait(2)
        await FactPublisher(connection).publish([cancelled(1, theirs), cancelled(2)])
        arrivals = await bell.wait(2)
    assert [arrival.position for arrival in arrivals] == [2]


async def test_nothing_stays_subscribed_for_readers_who_left(bells: Doorbells, connection: Connection) -> None:
    with bells.facts("deployment.cancelled") as bell:
        await bell.wait(2)
    session = await connection.session()

    async def only_the_bells() -> bool:
        subjects = {subscription.subject for subscription in session.client._subs.values()}
        return "facts.*.deployment.cancelled" not in subjects and "bell.>" in subjects

    await eventually(only_the_bells, within=2)


@pytest.mark.parametrize("name", ["", ">", "log.*", "a b", "a..b"])
async def test_a_bells_name_is_a_plain_name(bells: Doorbells, name: str) -> None:
    with pytest.raises(ValueError, match="Not a name"):
        bells.ring(name)
