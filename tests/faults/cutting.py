"""Readers of a live stream whose connections are cut at random, in a process of their own.

``python -m tests.faults.cutting`` takes an ``Order`` as JSON. It says ``enough`` after as many cuts as ordered, reads
on to the end of the log, and says what each reader ``Found``, one a line.
"""

import json
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import count
from random import Random
from threading import Event
from typing import Any

from tests.faults.frames import KINDS, MESSAGES, Frame, frames, status

SILENT_SECONDS = 0.02
"""After so long without a byte a connection is cut."""
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Order:
    """Who reads what, and how often it is cut."""

    host: str
    port: int
    path: str
    token: str
    cuts: int
    seed: int


@dataclass(frozen=True)
class Found:
    """What one reader has read. ``digest`` is of all its lines, each ended by a line feed."""

    kind: str
    connections: int
    last_seq: int
    digest: str
    done: int
    afterwards: int | None
    """What is answered to who comes back with the id of the end, which is one higher than the last line's."""


def text(seq: int) -> str:
    """The text of a line: as long and as odd as its number says."""
    return f"line {seq} zwölf Boxkämpfer ☃ " + "x" * (seq * 7919 % 200)


@dataclass
class Reader:
    """Reads one stream on as many connections as it takes."""

    order: Order
    kind: str
    slow: bool
    chance: Random
    after: int = 0
    done: int = 0
    connections: int = 0
    digest: Any = field(default_factory=sha256)

    def run(self, cuts: "count[int]", enough: Event) -> Found:
        """Read until ``done``."""
        while not self.done:
            self._once()
            if next(cuts) == self.order.cuts:
                enough.set()
        afterwards = status(self._received(self.after + 1, resumed=True, limit=1000))
        return Found(self.kind, self.connections, self.after, self.digest.hexdigest(), self.done, afterwards)

    def _once(self) -> None:
        """One connection, from where it stands or again from an earlier place, and cut wherever chance has it."""
        place = self.chance.randint(0, self.after) if self.chance.random() < 0.2 else self.after
        resumed = self.chance.random() < 0.5
        self.connections += 1
        received = self._received(place, resumed=resumed, limit=int(10 ** self.chance.uniform(0, 5)))
        assert status(received) in {None, 101 if self.kind == MESSAGES else 200}, received
        for frame in frames(self.kind, received):
            place = self._take(frame, place)

    def _take(self, frame: Frame, place: int) -> int:
        """Judge what follows ``place``, and keep what is new; where it stands then."""
        if frame["type"] == "log":
            place += 1
            assert (frame["seq"], frame["text"]) == (place, text(place)), f"{self.kind}: {frame} at {place}"
            if place == self.after + 1:
                self.digest.update(frame["text"].encode() + b"\n")
                self.after = place
        elif frame["type"] == "done":
            assert frame["seq"] == place, f"{self.kind}: {frame} at {place}"
            self.done += place == self.after
        return place

    def _received(self, after: int, *, resumed: bool, limit: int) -> bytes:
        """All that comes until it is enough, the connection is silent, or the answer ends; then comes a reset."""
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if self.slow:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(30)
            connection.connect((self.order.host, self.order.port))
            connection.sendall(self._request(after, resumed=resumed))
            received = b""
            while len(received) < limit:
                try:
                    data = connection.recv(512 if self.slow else limit - len(received))
                except TimeoutError:
                    return received
                if not data:
                    return received
                received += data
                connection.settimeout(SILENT_SECONDS)
                if self.slow:
                    time.sleep(0.001)  # a pace, not a wait
            return received

    def _request(self, after: int, *, resumed: bool) -> bytes:
        if resumed and after:
            place, headers = "", [f"Last-Event-ID: {after}"]
        else:
            place, headers = f"?after={after}", []
        if self.kind == MESSAGES:
            headers += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
            headers += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        else:
            headers += [f"Accept: {self.kind}"]
        head = f"GET {self.order.path}{place} HTTP/1.1\r\nHost: {self.order.host}:{self.order.port}\r\n"
        return "\r\n".join([f"{head}Authorization: Bearer {self.order.token}", *headers, "", ""]).encode()


def main(words: str) -> None:
    """Read with every kind of reader at once, one of three slowly."""
    order = Order(**json.loads(words))
    cuts, enough = count(1), Event()
    readers = [
        Reader(order, kind, slow, Random(f"{order.seed} {kind} {number}"))  # noqa: S311 - the same cuts each time
        for kind in KINDS
        for number, slow in enumerate((False, False, True))
    ]
    with ThreadPoolExecutor(len(readers)) as threads:
        running = [threads.submit(reader.run, cuts, enough) for reader in readers]
        while not (enough.wait(0.05) or any(one.done() for one in running)):
            pass
        print("enough", flush=True)
        for one in running:
            print(json.dumps(asdict(one.result())), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
