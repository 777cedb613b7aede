"""What the machine can do at the most: L3, L4 and L5 of the line that describes it.

``python -m bench.constants HOST:PORT`` serves the route of L4.
"""

import asyncio
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from re import search
from tempfile import TemporaryDirectory
from time import perf_counter

import nats
import uvloop
from litestar import Litestar, Response, get

from adapters.settings import Address
from bench.quantiles import median
from bench.rows import rate
from services.api import listening, served
from services.embedded import nats_running
from tests.system.planes import free_port

READERS = 100
"""Sockets that L3 writes to."""
CONNECTIONS = 16
"""Kept connections that ask the route of L4."""

_FRAME = b"x" * 150
_ROOT = Path(__file__).parents[1]
_DRAIN = """
import os, select, sys
poll = select.epoll()
for fd in map(int, sys.argv[1:]):
    poll.register(fd, select.EPOLLIN)
while True:
    for fd, _ in poll.poll():
        os.read(fd, 65536) or os._exit(0)
"""


def socket_writes(seconds: float) -> float:
    """L3: writes a second of a frame that is encoded already, to sockets whose other ends a process reads."""
    with ExitStack() as open_:
        pairs = [socket.socketpair() for _ in range(READERS)]
        for one, other in pairs:
            open_.enter_context(one)
            open_.enter_context(other)
        ends = [other.fileno() for _, other in pairs]
        argv = [sys.executable, "-c", _DRAIN, *map(str, ends)]
        draining = open_.enter_context(subprocess.Popen(argv, pass_fds=ends))
        open_.callback(draining.kill)
        rounds, began = 0, perf_counter()
        while (spent := perf_counter() - began) < seconds:
            for one, _ in pairs:
                one.sendall(_FRAME)
            rounds += 1
    return rounds * READERS / spent


def requests_served(seconds: float) -> float:
    """L4: requests a second of a Litestar route that does nothing, under the product's own server."""
    address = f"127.0.0.1:{free_port()}"
    argv = [sys.executable, "-m", "bench.constants", address]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as serving:
        try:
            assert serving.stdout
            assert serving.stdout.readline() == "ready\n"
            return _by_wrk(address, seconds) if shutil.which("wrk") else asyncio.run(_by_hand(address, seconds))
        finally:
            serving.kill()


def acknowledgement(messages: int) -> float:
    """L5: seconds from publishing a message to JetStream until it acknowledges it; the median."""
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, nats_running(Path(directory) / "nats") as url:
        return asyncio.run(_acknowledged(url, messages))


def _by_wrk(address: str, seconds: float) -> float:
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", f"http://{address}/"]
    found = search(r"Requests/sec:\s+([\d.]+)", subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert found
    return float(found[1])


async def _by_hand(address: str, seconds: float) -> float:
    host, _, port = address.partition(":")
    asking = [await asyncio.open_connection(host, int(port)) for _ in range(CONNECTIONS)]

    async def once(number: int) -> None:
        reader, writer = asking[number]
        writer.write(f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n{}")

    done = await rate(CONNECTIONS, seconds, once)
    for _, writer in asking:
        writer.close()
    return done


async def _acknowledged(url: str, messages: int) -> float:
    client = await nats.connect(url)
    stream = client.jetstream()
    await stream.add_stream(name="bench", subjects=["bench"])
    took = []
    for _ in range(messages):
        began = perf_counter()
        await stream.publish("bench", _FRAME)
        took.append(perf_counter() - began)
    await client.close()
    return median(took)


async def _serve(address: Address) -> None:
    @get("/")
    async def nothing() -> Response[bytes]:
        return Response(b"{}", media_type="application/json")

    with listening(address) as listener:
        app = Litestar(route_handlers=[nothing], openapi_config=None, logging_config=None)
        await served(app, listener, lambda: print("ready", flush=True))


if __name__ == "__main__":
    uvloop.run(_serve(Address.parse(sys.argv[1])))
