"""A lean client for load: each connection asks its next question as soon as it has the answer to the last one.

``python -m bench.asking ADDRESS SECONDS CONNECTIONS`` reads the questions from standard input, a path and a token a
line, asks them in turn, and prints what it saw as JSON.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import cast

import msgspec
import uvloop

_ROOT = Path(__file__).parents[1]
_LENGTH = b"\r\ncontent-length: "


class Seen(msgspec.Struct):
    """What a client saw. ``latencies`` are in seconds, ``cpu`` are its own CPU seconds."""

    seconds: float
    latencies: list[float]
    failed: int
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


def asked(address: str, questions: Sequence[tuple[str, str]], seconds: float, connections: int) -> Seen:
    """The answers to the questions (a path and a token each), in a process of its own."""
    text = "".join(f"{path}\t{token}\n" for path, token in questions)
    argv = [sys.executable, "-m", "bench.asking", address, str(seconds), str(connections)]
    done = subprocess.run(
        argv, cwd=_ROOT, input=text.encode(), stdout=subprocess.PIPE, check=True, timeout=60 + seconds
    )
    return msgspec.json.decode(done.stdout, type=Seen)


class _Connection(asyncio.Protocol):
    """One connection that is kept."""

    def __init__(self, questions: Iterator[bytes], seen: Seen, until: float) -> None:
        self._questions = questions
        self._seen = seen
        self._until = until
        self._answer = bytearray()
        self._asked = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0:
            return
        place = self._answer.find(_LENGTH) + len(_LENGTH)
        if len(self._answer) < head + 4 + int(self._answer[place : self._answer.find(b"\r", place)]):
            return
        now = time.perf_counter()
        self._seen.latencies.append(now - self._asked)
        self._seen.failed += not self._answer.startswith(b"HTTP/1.1 200 ")
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.failed += exc is not None
        self.ended.set_result(None)

    def _ask(self) -> None:
        self._answer.clear()
        self._asked = time.perf_counter()
        self._transport.write(next(self._questions))


async def _run(address: str, seconds: float, connections: int, questions: Sequence[bytes]) -> Seen:
    host, _, port = address.rpartition(":")
    began = time.perf_counter()
    seen = Seen(seconds=0.0, latencies=[], failed=0, cpu=0.0)
    loop, turns = asyncio.get_running_loop(), cycle(questions)
    made = [
        await loop.create_connection(lambda: _Connection(turns, seen, began + seconds), host, int(port))
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(connection.ended for _, connection in made))
    seen.seconds, seen.cpu = time.perf_counter() - began, time.process_time()
    return seen


def _question(line: str, address: str) -> bytes:
    path, _, token = line.partition("\t")
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}\r\n".encode()


def main(address: str, seconds: str, connections: str) -> None:
    """Ask, and print what was seen."""
    questions = [_question(line, address) for line in sys.stdin.read().splitlines()]
    seen = uvloop.run(_run(address, float(seconds), int(connections), questions))
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
