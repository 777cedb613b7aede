"""Facts reach their stream in order, acknowledged, and once."""

import asyncio
from itertools import pairwise

import msgspec
import pytest

from adapters.nats.connecting import Connection, Session, Unavailable
from adapters.nats.publishing import IN_FLIGHT, LARGEST_BODY, FactPublisher
from domain.history import Recorded
from tests.adapters.nats.facts import cancelled, recorded
from tests.adapters.nats.servers import NatsServer, eventually

pytestmark = pytest.mark.anyio


async def stored(session: Session) -> list[int]:
    """The positions of the facts in the stream, in its order."""
    info = await session.jetstream.stream_info("FACTS")
    messages = [await session.jetstream.get_msg("FACTS", seq) for seq in range(1, info.state.last_seq + 1)]
    return [msgspec.json.decode(message.data or b"")["position"] for message in messages]


async def test_facts_are_stored_in_the_order_of_the_log(connection: Connection) -> None:
    facts = [cancelled(position) for position in range(1, 3 * IN_FLIGHT)]
    await FactPublisher(connection).publish(facts)
    positions = await stored(await connection.session())
    assert len(positions) == len(facts)
    assert all(earlier < later for earlier, later in pairwise(positions))


async def test_a_fact_published_twice_is_stored_once(connection: Connection) -> None:
    publisher = FactPublisher(connection)
    await publisher.publish([cancelled(1), cancelled(2)])
    await publisher.publish([cancelled(2), cancelled(3)])
    assert await stored(await connection.session()) == [1, 2, 3]


async def test_a_fact_is_carried_whole_under_its_own_id(connection: Connection) -> None:
    fact = cancelled(1)
    await FactPublisher(connection).publish([fact])
    session = await connection.session()
    message = await session.jetstream.get_msg("FACTS", 1)
    assert message.headers is not None
    assert message.headers["Nats-Msg-Id"] == fact.id
    assert msgspec.json.decode(message.data or b"") == msgspec.json.decode(msgspec.json.encode(fact))


async def test_of_a_fact_too_large_for_nats_the_address_is_carried(connection: Connection) -> None:
    fact = cancelled(5, reason="x" * 2 * LARGEST_BODY)
    await FactPublisher(connection).publish([cancelled(4), fact])
    session = await connection.session()
    body = msgspec.json.decode((await session.jetstream.get_msg("FACTS", 2)).data or b"")
    assert body == {"position": 5, "stream": fact.stream, "version": 1}


async def test_a_window_of_large_facts_is_bounded_by_its_bytes(connection: Connection) -> None:
    facts = [cancelled(position, reason="x" * (LARGEST_BODY - 1000)) for position in range(1, 9)]
    await FactPublisher(connection).publish(facts)
    assert await stored(await connection.session()) == list(range(1, 9))


async def test_facts_go_on_into_a_stream_that_was_deleted(connection: Connection) -> None:
    publisher = FactPublisher(connection)
    await publisher.publish([cancelled(1)])
    session = await connection.session()
    await session.jetstream.delete_stream("FACTS")
    with pytest.raises(Unavailable, match="made again"):
        await publisher.publish([cancelled(2)])
    await publisher.publish([cancelled(2)])
    assert await stored(session) == [2]


async def test_what_nats_does_not_acknowledge_is_reported_and_may_be_repeated(
    nats: NatsServer, connection: Connection
) -> None:
    facts = [cancelled(position) for position in range(1, 20_000)]
    publisher = FactPublisher(connection)
    await publisher.publish(facts[:1])
    publishing = asyncio.create_task(publisher.publish(facts))
    await wait_for_facts(nats, connection, 1000)
    nats.kill()
    with pytest.raises(Unavailable):
        await publishing
    with pytest.raises(Unavailable, match="not reachable"):
        await publisher.publish(facts, timeout=0.1)
    nats.start()
    await publish_patiently(publisher, facts)
    session = await connection.session()
    positions = await stored_count(session)
    assert positions == len(facts)


async def wait_for_facts(nats: NatsServer, connection: Connection, count: int) -> None:
    async with Connection(nats.locate, name="observer") as observer:
        session = await observer.session()

        async def enough() -> bool:
            return await stored_count(session) >= count

        await eventually(enough)


async def stored_count(session: Session) -> int:
    return (await session.jetstream.stream_info("FACTS")).state.messages


async def publish_patiently(publisher: FactPublisher, facts: list[Recorded]) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                return await publisher.publish(facts, timeout=5)
            except Unavailable:
                await asyncio.sleep(0.05)


def test_the_id_of_a_fact_is_its_place_in_its_stream() -> None:
    fact = cancelled(3)
    assert recorded(fact.fact, 99).id == fact.id
