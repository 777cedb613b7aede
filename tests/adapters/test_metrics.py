"""Every process shows its metrics, and one of them shows those of all."""

import asyncio
import socket
import stat
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from adapters.metrics import ANSWER_SECONDS, gathered, merged, parsed, shown_at, shown_on, socket_of
from adapters.settings import Address

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

THINGS = Counter("shipbook_test_things", "Things.")


def text(*seconds: float) -> bytes:
    """What a process shows that saw builds of so many seconds."""
    registry = CollectorRegistry()
    histogram = Histogram("builds_seconds", 'Builds; "quoted".', ["kind"], buckets=(1, 10), registry=registry)
    for one in seconds:
        histogram.labels('a "b"\\c').observe(one)
    Counter("works", "Works.", registry=registry).inc(2)
    return generate_latest(registry)


def samples(exposed: bytes, name: str) -> dict[tuple[str, ...], float]:
    """The values of the samples called ``name`` by their label values, in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposed.decode())
        for sample in family.samples
        if sample.name == name
    }


def test_a_family_of_two_processes_is_one_family_with_a_label_and_whole_buckets() -> None:
    one = merged({"api": parsed(text(0.5)), "worker": parsed(text(5, 50))})

    assert one.count(b"# TYPE builds_seconds histogram") == one.count(b"# HELP builds_seconds ") == 1
    assert one.count(b"# TYPE works_total counter") == 1
    kind = 'a "b"\\c'
    assert samples(one, "builds_seconds_bucket") == {
        (kind, "1.0", "api"): 1,
        (kind, "10.0", "api"): 1,
        (kind, "+Inf", "api"): 1,
        (kind, "1.0", "worker"): 0,
        (kind, "10.0", "worker"): 1,
        (kind, "+Inf", "worker"): 2,
    }
    assert samples(one, "builds_seconds_sum") == {(kind, "api"): 0.5, (kind, "worker"): 55}
    assert samples(one, "works_total") == {("api",): 2, ("worker",): 2}


def test_a_sample_that_names_its_process_keeps_it() -> None:
    assert samples(merged({"api": parsed(b'up{process="caddy"} 1\n')}), "up") == {("caddy",): 1}


@pytest.mark.parametrize(
    "garbage", [b"<html>", b"\xff", b"works_total{ 1", b"works_total one", b'works_total{a=" "b} 1']
)
def test_what_cannot_be_read_is_left_out(garbage: bytes) -> None:
    ours = parsed(text(0.5))

    assert merged({"api": ours, "worker": parsed(garbage)}) == merged({"api": ours})


def test_peers_that_answer_are_shown_and_others_cost_half_a_second_at_most(tmp_path: Path) -> None:
    async def scene() -> None:
        async with AsyncExitStack() as peers:
            THINGS.inc()
            await peers.enter_async_context(shown_at(socket_of(tmp_path, "worker")))
            for number, answer in enumerate((_hang, _hang_up, _half, _garbage, _long)):
                path = socket_of(tmp_path, f"strange-{number}")
                server = await peers.enter_async_context(await asyncio.start_unix_server(answer, path))
                peers.callback(server.close)
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(socket_of(tmp_path, "dead")))

            began = time.monotonic()
            all_of_them = await gathered(tmp_path, "api")

        assert set(samples(all_of_them, "shipbook_test_things_total")) == {("api",), ("worker",)}
        assert time.monotonic() - began < ANSWER_SECONDS + 1
        assert b"strange" not in all_of_them

    asyncio.run(scene())


def test_a_socket_is_ours_alone_replaces_a_stale_one_and_is_gone_afterwards(tmp_path: Path) -> None:
    async def scene() -> None:
        path = socket_of(tmp_path, "worker")
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(path))

        async with shown_at(path):
            mode = path.stat().st_mode
            shown = await gathered(tmp_path, "api")

        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert b'process="worker"' in shown

    asyncio.run(scene())
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ends_late_leaves_the_socket_of_its_successor(tmp_path: Path) -> None:
    async def scene() -> None:
        path = socket_of(tmp_path, "worker")

        async with AsyncExitStack() as former, AsyncExitStack() as successor:
            await former.enter_async_context(shown_at(path))
            await successor.enter_async_context(shown_at(path))
            await former.aclose()

            assert b'process="worker"' in await gathered(tmp_path, "api")

    asyncio.run(scene())


def test_metrics_over_tcp_are_plain_http() -> None:
    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = Address("127.0.0.1", free.getsockname()[1])

        async with shown_on(address):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()

        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert samples(body, "shipbook_test_things_total")

    asyncio.run(scene())


def test_callers_who_say_nothing_do_not_stay(tmp_path: Path) -> None:
    async def scene() -> None:
        path = socket_of(tmp_path, "worker")
        async with shown_at(path):
            silent = [await asyncio.open_unix_connection(path) for _ in range(40)]

            answers = await asyncio.wait_for(
                asyncio.gather(*(reader.read() for reader, _ in silent)), ANSWER_SECONDS + 5
            )
            shown = await gathered(tmp_path, "api")

            for _, writer in silent:
                writer.close()
        assert set(answers) == {b""}
        assert b'process="worker"' in shown

    asyncio.run(scene())


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _say(reader, writer, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshipbook_test_things_total 1")


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _say(reader, writer, b"\0" * 100_000)


async def _long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _say(reader, writer, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(answer)
    writer.close()
