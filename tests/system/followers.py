"""Whoever follows a live stream over a connection that breaks: cut at any byte, and back with the last id."""

import json
import socket
import struct
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Thread
from time import monotonic
from typing import Any, Self

from tests.system.planes import Plane

CUT_SECONDS = 0.2
EVENTS, JSON_LINES = "text/event-stream", "application/x-ndjson"


@dataclass
class Follower:
    """Reads the stream at ``path`` until ``done``, on as many connections as it takes.

    Of each connection it keeps the messages that came whole. It resumes with ``Last-Event-ID``, and where that does not
    exist, with ``?after=``.
    """

    plane: Plane
    path: str
    accept: str = EVENTS
    cut_seconds: float | None = CUT_SECONDS
    after: int = 0
    """The last seq that was read."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    connections: int = 0
    opened: int = 0
    """Of the connections, those on which a stream began."""

    def follow(self, seconds: float = 120) -> Self:
        """Read to the end."""
        deadline = monotonic() + seconds
        while not self.done:
            assert monotonic() < deadline, f"{len(self.lines)} lines in {self.connections} connections"
            self.once()
        return self

    def once(self) -> int | None:
        """One connection until it is cut or ends; the answer's status, None where nobody answered."""
        connection = HTTPConnection(self.plane.http, timeout=30)
        self.connections += 1
        try:
            answer = self.ask(connection)
            if answer.status == 200:
                self.opened += 1
                self._read(connection, answer)
        except (OSError, HTTPException):
            return None
        else:
            return answer.status
        finally:
            hard_close(connection)

    def ask(self, connection: HTTPConnection) -> HTTPResponse:
        """Where the stream begins to be read."""
        headers = {"Authorization": f"Bearer {self.plane.credentials['token']}", "Accept": self.accept}
        path = f"/tenants/{self.plane.credentials['tenantId']}{self.path}"
        if self.accept == EVENTS and self.connections > 1:
            headers["Last-Event-ID"] = str(self.after)
        else:
            path += f"?after={self.after}"
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def _read(self, connection: HTTPConnection, answer: HTTPResponse) -> None:
        cut = monotonic() + (self.cut_seconds or 3600)
        rest = b""
        while (left := cut - monotonic()) > 0:
            if self.cut_seconds:
                connection.sock.settimeout(left)
            data = answer.read1(65536)
            if not data:
                return
            rest = self.take(rest + data)

    def take(self, data: bytes) -> bytes:
        """Take the whole messages of ``data``, and give back the rest."""
        *whole, rest = data.split(b"\n\n" if self.accept == EVENTS else b"\n")
        for message in whole:
            self._take(message.decode())
        return rest

    def _take(self, message: str) -> None:
        if self.accept == EVENTS:
            parts = dict(line.split(": ", 1) for line in message.splitlines())
            if "data" not in parts:
                return
            frame = json.loads(parts["data"])
            assert "id" not in parts or int(parts["id"]) == frame["seq"] + (frame["type"] == "done")
        else:
            frame = json.loads(message)
        kind: str = frame.pop("type")
        match kind:
            case "log":
                self.after = frame["seq"]
                self.lines.append(frame)
            case "status":
                self.statuses.append(frame["status"])
            case "done":
                self.after = frame["seq"] + 1
                self.done.append(frame)
            case _:
                assert kind == "ping"


def hard_close(connection: HTTPConnection) -> None:
    """Close with a reset and without a farewell, as a network does that breaks."""
    if connection.sock is not None:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Aside(Thread):
    """A follower that reads beside the test; ``result`` waits for it and gives it."""

    def __init__(self, follower: Follower) -> None:
        super().__init__(daemon=True)
        self.follower = follower
        self._problem: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.follower.follow()
        except BaseException as problem:  # noqa: BLE001 - the test raises it
            self._problem = problem

    def result(self) -> Follower:
        self.join(150)
        assert not self.is_alive()
        if self._problem:
            raise self._problem
        return self.follower
