"""A log is read live, whole and in order, however often the connection breaks and however slow it is."""

import socket
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.system.followers import EVENTS, JSON_LINES, Aside, Follower
from tests.system.planes import App, Plane, until
from tests.system.repositories import built, repository

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(300)]

LINES = 50_000
PRINT = (
    "for part in $(seq 0 49); do"
    " seq -f 'line %.0f: zwölf Boxkämpfer' $((part * 1000 + 1)) $((part * 1000 + 1000)); sleep {pause}; done;"
    " mkdir -p dist && echo built > dist/index.html"
)


@dataclass
class Log:
    """A deployment that has ended, and its whole log page by page."""

    app: App
    path: str
    lines: list[dict[str, Any]]

    @classmethod
    def of(cls, app: App, deployment: dict[str, Any]) -> "Log":
        assert app.ended(deployment)["status"] == "succeeded"
        lines = app.lines(deployment)
        printed = [line["text"] for line in lines if line["text"].startswith("line ")]
        assert printed == [f"line {number}: zwölf Boxkämpfer" for number in range(1, LINES + 1)]
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        return cls(app, stream_of(deployment), lines)

    def is_read_by(self, follower: Follower, after: int = 0) -> None:
        """The follower has read all of it behind ``after``, byte for byte, and one ``done``."""
        told = [line | {"source": line.get("source")} for line in follower.lines]
        assert [line["seq"] for line in told] == list(range(after + 1, len(self.lines) + 1))
        assert text_of(told) == text_of(self.lines[after:])
        assert told == self.lines[after:]
        [done] = follower.done
        assert (done["seq"], done["status"]) == (len(self.lines), "succeeded")


def stream_of(deployment: dict[str, Any]) -> str:
    return f"/deployments/{deployment['id']}/stream"


def text_of(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(line["text"].encode() + b"\n" for line in lines)


@pytest.fixture(scope="module")
def log(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Log:
    directory = repository(tmp_path_factory.mktemp("whole") / "site", built(PRINT.format(pause=0)))
    app = plane.api.project(directory, "react", "whole-log")
    return Log.of(app, app.trigger())


def test_a_log_that_grows_is_read_whole_by_clients_that_are_cut_every_200_ms(plane: Plane, tmp_path: Path) -> None:
    app = plane.api.project(repository(tmp_path / "site", built(PRINT.format(pause=0.1))), "react", "growing-log")
    deployment = app.trigger()
    path = stream_of(deployment)

    early = [Aside(Follower(plane, path)), Aside(Follower(plane, path, JSON_LINES))]
    until(lambda: len(early[0].follower.lines) > 5_000, 60, "the build does not print")
    assert app.api.send("GET", f"/deployments/{deployment['id']}")["status"] == "running"
    late = [Aside(Follower(plane, path)), Aside(Follower(plane, path, JSON_LINES, after=4_711))]

    log = Log.of(app, deployment)
    for aside in (*early, late[0]):
        log.is_read_by(aside.result())
        assert aside.follower.connections > 10
    log.is_read_by(late[1].result(), after=4_711)
    assert early[0].follower.statuses[-1] == "succeeded"


@pytest.mark.parametrize("accept", [EVENTS, JSON_LINES])
@pytest.mark.parametrize("after", [0, 30_000])
def test_a_log_that_has_ended_is_read_whole_by_a_client_that_is_cut_every_200_ms(
    plane: Plane, log: Log, accept: str, after: int
) -> None:
    log.is_read_by(Follower(plane, log.path, accept, after=after).follow(), after)


def test_who_comes_back_after_the_end_is_told_that_nothing_follows(plane: Plane, log: Log) -> None:
    follower = Follower(plane, log.path).follow()

    assert follower.once() == 204
    log.is_read_by(follower)


def test_a_killed_api_costs_a_reader_no_line(plane: Plane, tmp_path: Path) -> None:
    app = plane.api.project(repository(tmp_path / "site", built(PRINT.format(pause=0.1))), "react", "killed-api")
    deployment = app.trigger()
    reading = Aside(Follower(plane, stream_of(deployment), cut_seconds=None))
    until(lambda: len(reading.follower.lines) > 5_000, 60, "the build does not print")
    former = plane.pid("api")

    plane.kill("api")

    until(lambda: plane.replaced("api", former) and plane.ready(), 30, "the api did not come back")
    log = Log.of(app, deployment)
    log.is_read_by(reading.result())
    assert reading.follower.connections > 1


def test_a_slow_reader_holds_up_nobody_and_misses_nothing(plane: Plane, log: Log) -> None:
    slow = Follower(plane, log.path, JSON_LINES)
    with closing(HTTPConnection(plane.http, timeout=30)) as connection:
        answer = slow.ask(connection)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        rest = sip(slow, answer, b"", seconds=1)
        began = monotonic()
        fast = Aside(Follower(plane, log.path, cut_seconds=None))
        sip(slow, answer, rest, seconds=3)
        log.is_read_by(fast.result())
        assert monotonic() - began < 10
        assert 0 < len(slow.lines) < LINES / 10
    log.is_read_by(slow.follow())


def sip(follower: Follower, answer: HTTPResponse, rest: bytes, seconds: float) -> bytes:
    """Read 1 KiB every 50 ms for so long; the rest of an unfinished message."""
    end = monotonic() + seconds
    while monotonic() < end:
        rest = follower.take(rest + answer.read1(1024))
        sleep(0.05)  # a pace, not a wait
    return rest
