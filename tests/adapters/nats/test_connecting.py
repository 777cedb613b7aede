"""The connection comes by itself, comes back by itself, and keeps its password to itself."""

import asyncio
import signal
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from adapters.nats.connecting import Connection, Unavailable, translated
from tests.adapters.nats.servers import PASSWORD, NatsServer, eventually

pytestmark = pytest.mark.anyio


async def test_a_process_starts_without_nats_and_finds_it_later(absent_nats: NatsServer) -> None:
    async with Connection(absent_nats.locate, name="test") as connection:
        with pytest.raises(Unavailable, match="not reachable"):
            await connection.session(timeout=0.2)
        assert not connection.connected
        absent_nats.start()
        session = await connection.session(timeout=2)
        assert await session.prepare()


async def test_a_server_that_was_killed_and_wiped_is_used_again_within_two_seconds(
    nats: NatsServer, connection: Connection
) -> None:
    first = await connection.session(timeout=2)
    epoch = await first.prepare()
    nats.kill()
    nats.wipe()
    await asyncio.wait({first.ended}, timeout=2)
    assert not connection.connected
    nats.start()
    second = await connection.session(timeout=2)
    assert second is not first
    assert await second.prepare() != epoch


async def test_a_restart_that_keeps_the_directory_keeps_the_epoch(nats: NatsServer, connection: Connection) -> None:
    first = await connection.session(timeout=2)
    epoch = await first.prepare()
    nats.kill()
    nats.start()
    await asyncio.wait({first.ended}, timeout=2)
    second = await connection.session(timeout=2)
    assert await second.prepare() == epoch


async def test_streams_deleted_by_hand_are_made_again(connection: Connection) -> None:
    session = await connection.session(timeout=2)
    await session.prepare()
    await session.jetstream.delete_stream("WORK")
    session.unprepare()
    await session.prepare()
    assert (await session.jetstream.stream_info("WORK")).config.max_msgs_per_subject == 1


async def test_streams_of_another_version_are_brought_up_to_date(connection: Connection) -> None:
    session = await connection.session(timeout=2)
    await session.jetstream.add_stream(name="FACTS", subjects=["facts.>"], max_bytes=1_000_000)
    await session.prepare()
    assert (await session.jetstream.stream_info("FACTS")).config.max_age == 3600


async def test_any_number_of_processes_prepare_at_once(nats: NatsServer, connection: Connection) -> None:
    async with Connection(nats.locate, name="other") as other:
        sessions = [await connection.session(timeout=2), await other.session(timeout=2)]
        first, second = await asyncio.gather(*(session.prepare() for session in sessions))
    assert first == second


async def test_a_wrong_password_is_tried_again_until_it_is_right(nats: NatsServer) -> None:
    passwords = iter(["wrong"])

    def locate() -> str:
        return nats.url.replace(PASSWORD, next(passwords, PASSWORD))

    async with Connection(locate, name="test") as connection:
        assert (await connection.session(timeout=3)).alive


async def test_a_place_that_is_not_known_yet_is_asked_for_again(nats: NatsServer) -> None:
    places = iter(["nobody has started it"])

    def locate() -> str:
        if bad := next(places, None):
            raise RuntimeError(bad)
        return nats.url

    async with Connection(locate, name="test") as connection:
        assert (await connection.session(timeout=3)).alive


async def test_a_server_without_jetstream_is_said_to_be_one(absent_nats: NatsServer) -> None:
    absent_nats.start(jetstream=False)
    async with Connection(absent_nats.locate, name="test") as connection:
        session = await connection.session(timeout=3)
        with pytest.raises(Unavailable, match="nats-server -js"):
            await session.prepare()
        absent_nats.kill()
        await asyncio.wait({session.ended}, timeout=2)
        absent_nats.start()
        assert await (await connection.session(timeout=3)).prepare()


async def test_a_server_that_hangs_is_given_up(nats: NatsServer, connection: Connection) -> None:
    session = await connection.session(timeout=2)
    nats.signal(signal.SIGSTOP)
    try:
        await asyncio.wait({session.ended}, timeout=12)
        assert not session.alive
    finally:
        nats.signal(signal.SIGCONT)
    await connection.session(timeout=4)


async def test_the_password_is_neither_logged_nor_shown(nats: NatsServer) -> None:
    with capture_logs() as entries:
        async with Connection(nats.locate, name="test") as connection:
            await connection.session(timeout=2)
            nats.kill()

            async def lost() -> bool:
                return any(entry["event"] == "nats.lost" for entry in entries)

            await eventually(lost)
            with pytest.raises(Unavailable) as away:
                await connection.session(timeout=0.3)
    assert any(entry["event"] == "nats.connected" for entry in entries)
    assert PASSWORD not in f"{entries} {connection!r} {away.value}"


async def test_leaving_the_context_ends_the_connection(nats: NatsServer) -> None:
    before = len(asyncio.all_tasks())
    async with Connection(nats.locate, name="test") as connection:
        session = await connection.session(timeout=2)
    assert not session.alive
    assert session.ended.done()

    async def only_we_are_left() -> bool:
        return len(asyncio.all_tasks()) == before

    await eventually(only_we_are_left, within=2)


async def test_a_request_to_stop_that_the_client_swallows_is_not_lost() -> None:
    went_on = False

    async def swallowing() -> None:
        nonlocal went_on
        with translated(), suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        went_on = True

    task = asyncio.create_task(swallowing())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert not went_on
