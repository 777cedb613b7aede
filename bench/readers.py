"""Many readers of one stream, in a process of their own that does as little as can be for each of them.

``python -m bench.readers`` takes a ``Crowd`` as JSON. It says ``ready`` when every reader has the head of its answer,
and what it ``Saw`` when every reader has read the end or when its standard input is closed. Readers that stall read
nothing behind the head.
"""

import asyncio
import json
import re
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.quantiles import quantile

_ROOT = Path(__file__).parents[1]
_STAMP = re.compile(rb"at=(\d+)")
_PIECE = 1 << 18
PATIENCE_SECONDS = 30
"""So long an answer's head may take."""
AT_ONCE = 100
"""So many ask before the others do: nobody's database takes thousands of questions at a time."""
READERS_OF_AN_ADDRESS = 10_000
"""Each has a port, and an address has not many more."""


@dataclass(frozen=True)
class Crowd:
    """Who reads: ``request`` is sent on each connection, and ``end`` stands at the end of what is read."""

    host: str
    port: int
    request: str
    readers: int
    stalled: int = 0
    end: str = "the end"
    timed: bool = False
    """Note how old each frame is that has ``at=`` and nanoseconds since 1970."""
    pause: float = 0.0
    """Seconds between looks, so that what comes in pieces is read at once."""


@dataclass(frozen=True)
class Saw:
    """``ended`` is the time, in seconds since 1970, at which the last reader had the end."""

    ended: float
    bytes_read: int
    p50: float = 0.0
    p99: float = 0.0


class Reading:
    """A crowd that reads beside the caller."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    async def ready(self) -> None:
        """Wait until everybody has the head of an answer."""
        assert await self._said() == "ready"

    async def result(self) -> Saw:
        """What it saw, once it has seen everything."""
        return Saw(**json.loads(await self._said()))

    async def _said(self) -> str:
        assert self._process.stdout
        line = await asyncio.to_thread(self._process.stdout.readline)
        assert line, "the readers broke"
        return line.strip()


@contextmanager
def reading(crowd: Crowd) -> Iterator[Reading]:
    """A crowd, for the length of the block."""
    argv = [sys.executable, "-m", "bench.readers", json.dumps(asdict(crowd))]
    with subprocess.Popen(argv, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Reading(process)
        finally:
            process.kill()


def files_allowed(wanted: int) -> None:
    """Let this process have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard)), hard))


def main(words: str) -> None:
    """Read until every reader has read the end."""
    crowd = Crowd(**json.loads(words))
    files_allowed(crowd.readers + 100)
    every: list[socket.socket] = []
    while len(every) < crowd.readers:
        some = [_opened(crowd, number) for number in range(len(every), min(len(every) + AT_ONCE, crowd.readers))]
        for one in some:
            _skip_head(one)
        every += some
    print("ready", flush=True)
    print(json.dumps(asdict(_read(crowd, every[crowd.stalled :]))), flush=True)
    sys.stdin.read()


def _opened(crowd: Crowd, number: int) -> socket.socket:
    opened = socket.socket()
    opened.settimeout(PATIENCE_SECONDS)
    if crowd.readers > READERS_OF_AN_ADDRESS:
        opened.bind((f"127.0.0.{2 + number // READERS_OF_AN_ADDRESS}", 0))
    opened.connect((crowd.host, crowd.port))
    opened.sendall(crowd.request.encode())
    return opened


def _skip_head(one: socket.socket) -> None:
    """Byte by byte would be slow, and more than the head may be there: what follows it at once is the opening."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = one.recv(_PIECE)
        assert data, f"the server closed after {head!r}"
        head += data
    assert head.startswith(b"HTTP/1.1 200"), head
    one.setblocking(False)


def _read(crowd: Crowd, readers: Sequence[socket.socket]) -> Saw:
    poll = select.epoll()
    by_number = {one.fileno(): one for one in readers}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    left, end, total = set(by_number), crowd.end.encode(), 0
    piece = bytearray(_PIECE)
    ages: list[float] = []
    while left:
        for number, _ in poll.poll():
            size = by_number[number].recv_into(piece)
            assert size, "the server closed before the end"
            total += size
            if crowd.timed:
                now = time.time_ns()
                ages += [(now - int(at)) / 1e9 for at in _STAMP.findall(piece, 0, size)]
            if piece.find(end, max(0, size - 200), size) >= 0:
                left.discard(number)
        time.sleep(crowd.pause)
    ended = time.time()
    return Saw(ended, total, *((quantile(ages, share) for share in (0.5, 0.99)) if ages else ()))


if __name__ == "__main__":
    main(sys.argv[1])
