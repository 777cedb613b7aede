"""The least that a server of many readers can do: frames that are encoded before, written to every socket in a loop.

``python -m bench.bare`` prints its port, answers so many connections as its argument says with the head of an event
stream, and writes so many frames to each as each line of its standard input says.
"""

import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.readers import files_allowed

_ROOT = Path(__file__).parents[1]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def send(self, count: int, frame: bytes) -> None:
        """Order ``frame``, which has no line feed, to be written to every reader so often."""
        assert self.process.stdin
        self.process.stdin.write(b"%d %b\n" % (count, frame))
        self.process.stdin.flush()


@contextmanager
def serving(readers: int) -> Iterator[Server]:
    """A server for so many readers."""
    argv = [sys.executable, "-m", "bench.bare", str(readers)]
    with subprocess.Popen(argv, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            yield Server(process, int(process.stdout.readline()))
        finally:
            process.kill()


def main(readers: int) -> None:
    """Serve until the standard input ends."""
    files_allowed(readers + 100)
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)
        every = [_answered(listener.accept()[0]) for _ in range(readers)]
        with suppress(ConnectionError):  # once they have the end, the readers go
            for order in sys.stdin:
                count, _, frame = order.partition(" ")
                _send(every, int(count), frame.strip().encode() + b"\n\n")


def _answered(one: socket.socket) -> socket.socket:
    """A reader that has the head of its answer: the others come only when these have it."""
    one.recv(1 << 16)
    one.sendall(_HEAD)
    one.setblocking(False)
    return one


def _send(every: list[socket.socket], count: int, frame: bytes) -> None:
    for _ in range(count):
        for one in every:
            try:
                sent = one.send(frame)
            except BlockingIOError:
                sent = 0
            while sent < len(frame):
                _wait(one)
                sent += one.send(frame[sent:])


def _wait(one: socket.socket) -> None:
    poll = select.poll()
    poll.register(one, select.POLLOUT)
    poll.poll()


if __name__ == "__main__":
    main(int(sys.argv[1]))
