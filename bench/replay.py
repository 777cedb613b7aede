"""A long log over HTTP, from any line on, against COPY TO STDOUT of the same text."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

import msgspec
from psycopg import pq

from adapters.http.native.frames import json_lines
from adapters.http.pages import PAGE_BYTES
from adapters.linestore import CHUNK_BYTES, Numbered, Run
from bench.lines import LINE_BYTES, printed
from bench.planes import Plane, measured
from bench.quantiles import median
from bench.results import Figure, Finding, at_least, at_most
from bench.rows import connected, copied
from tests.system.repositories import built, repository

TURNS = 10
PRINT = "for turn in $(seq 0 9); do sed s/^/$turn/ lines.txt; done; mkdir -p dist; echo built > dist/index.html"
"""Prints one file so often, with the number of the turn before each line."""

FORMATS = {
    "plain text": ("/logs/text", "text/plain"),
    "JSON lines": ("/stream", "application/x-ndjson"),
    "events": ("/stream", "text/event-stream"),
}
BUFFER = 1 << 20
FIRST_BYTES = 10
"""How often in a round the first byte is waited for at each place."""
BEGINNING, END = "at the beginning", "1,000 lines before the end"
RUN_BYTES = 1 << 16
"""What is read of a build's pipe at once becomes a run."""


class _Log:
    """One deployment's log at the API, asked for over sockets that are read without looking at what comes."""

    def __init__(self, plane: Plane, deployment: str) -> None:
        host, _, port = plane.http.rpartition(":")
        self._address = (host, int(port))
        self._path = f"/tenants/{plane.api.tenant}/deployments/{deployment}"
        self._token = plane.credentials["token"]

    @contextmanager
    def _asked(self, path: str, accept: str, after: int) -> Iterator[socket.socket]:
        with socket.create_connection(self._address, timeout=60) as connection:
            head = f"GET {self._path}{path}?after={after} HTTP/1.1\r\nHost: {self._address[0]}\r\nAccept: {accept}\r\n"
            connection.sendall(f"{head}Authorization: Bearer {self._token}\r\n\r\n".encode())
            yield connection

    def seconds(self, path: str, accept: str, after: int) -> float:
        """Until the last byte of the answer."""
        began = perf_counter()
        with self._asked(path, accept, after) as connection:
            _drain(connection, b"\r\n0\r\n\r\n")
        return perf_counter() - began

    def first_byte(self, path: str, accept: str, after: int) -> float:
        """Seconds until the first byte of the answer's body."""
        began = perf_counter()
        with self._asked(path, accept, after) as connection:
            came = b""
            while not came.partition(b"\r\n\r\n")[2]:
                came += connection.recv(BUFFER)
        return perf_counter() - began


def _drain(connection: socket.socket, ending: bytes) -> None:
    """Take everything up to ``ending``."""
    buffer = bytearray(BUFFER)
    last = b""
    while not last.endswith(ending):
        size = connection.recv_into(buffer)
        assert size, "the connection broke off"
        last = (last + buffer[max(0, size - len(ending)) : size])[-len(ending) :]


def run(*, quick: bool) -> Finding:
    """One log of a real build in a plane, read in turn with the same lines from a table."""
    part = printed(1_000 if quick else 100_000, LINE_BYTES - 1)
    lines = [f"{turn}{line}" for turn in range(TURNS) for line in part]
    with measured() as (plane, directory):
        files = built(PRINT) | {"lines.txt": "".join(f"{line}\n" for line in part)}
        app = plane.api.project(repository(directory / "site", files), "react", "printing")
        deployment = app.deploy()["id"]
        before = _compared(plane, f"/deployments/{deployment}", lines)
        asyncio.run(_tabled(plane.database_url, lines))
        log = _Log(plane, deployment)
        rounds = [
            _round(plane.database_url, log, _places(before, len(lines)), before) for _ in range(1 if quick else 7)
        ]
    return _finding(rounds, len(lines), _encoding(part))


def _encoding(lines: Sequence[str]) -> float:
    """MB of text a second of which JSON lines are made, page by page, with nothing else to do; the best of some."""
    count = RUN_BYTES // LINE_BYTES
    text = "".join(f"{line}\n" for line in lines[:count]).encode()
    page = [Numbered(1, Run(0, "stdout", "build", None, len(lines[:count]), text))] * (PAGE_BYTES // len(text))
    size = len(text) * len(page)
    return max(size / _timed(lambda: json_lines(page)) / 1e6 for _ in range(20))


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _compared(plane: Plane, path: str, lines: Sequence[str]) -> int:
    """The seq before the first of the lines; each format has all of them, in order, and in the right place."""
    get = plane.api.client.get
    text = get(f"{path}/logs/text").text.splitlines()
    before = text.index(lines[0])
    assert text[before : before + len(lines)] == lines
    assert get(f"{path}/logs/text", params={"after": before + 5}).text.startswith(lines[5])
    for accept, prefix in (("application/x-ndjson", b"{"), ("text/event-stream", b"data: {")):
        answer = get(f"{path}/stream", params={"after": before}, headers={"Accept": accept}).content
        told = [line[len(prefix) - 1 :] for line in answer.split(b"\n") if line.startswith(prefix + b'"type":"log"')]
        frames = msgspec.json.decode(b"[" + b",".join(told[: len(lines)]) + b"]")
        assert [(frame["seq"], frame["text"]) for frame in frames] == list(enumerate(lines, before + 1))
    return before


async def _tabled(url: str, lines: Sequence[str]) -> None:
    async with connected(url, 1) as (connection,):
        await copied(connection, lines, 1)
        await connection.execute("VACUUM (FREEZE, ANALYZE) bench.lines")


class _Round(msgspec.Struct, frozen=True):
    copy: float
    """Seconds."""
    formats: dict[str, float]
    """Seconds of each."""
    first: dict[str, float]
    """Seconds to the first byte behind each place."""


def _places(before: int, count: int) -> dict[str, int]:
    """Where reading begins; ``before`` is the seq before the first of ``count`` lines."""
    parts = {"a quarter": count // 4, "half way": count // 2, "three quarters": count * 3 // 4}
    return {BEGINNING: 0} | {name: before + part for name, part in parts.items()} | {END: before + count - 1_000}


def _round(url: str, log: _Log, places: Mapping[str, int], before: int) -> _Round:
    formats = {name: log.seconds(path, accept, before) for name, (path, accept) in FORMATS.items()}
    waited: dict[str, list[float]] = {name: [] for name in places}
    for _ in range(FIRST_BYTES):
        for name, after in places.items():
            waited[name].append(log.first_byte(*FORMATS["plain text"], after))
    return _Round(_copied_out(url), formats, {name: median(some) for name, some in waited.items()})


def _copied_out(url: str) -> float:
    """Seconds of COPY TO STDOUT, from the query until its last byte has left the socket, past libpq."""
    connection = pq.PGconn.connect(url.encode())
    try:
        with socket.socket(fileno=os.dup(connection.socket)) as wire:
            wire.setblocking(True)
            began = perf_counter()
            connection.send_query(b"COPY bench.lines (line) TO STDOUT")
            _drain(wire, b"Z\x00\x00\x00\x05I")  # ReadyForQuery, idle
            return perf_counter() - began
    finally:
        connection.finish()


def _finding(rounds: Sequence[_Round], count: int, encoding: float) -> Finding:
    size = count * LINE_BYTES

    def speed(name: str) -> float:
        return size / median([one.formats[name] for one in rounds]) / 1e6

    ratios = {name: median([one.copy / one.formats[name] for one in rounds]) for name in FORMATS}
    deep = {name: median([one.first[name] / one.first[BEGINNING] for one in rounds]) for name in rounds[0].first}
    del deep[BEGINNING]
    figures = [
        at_least("plain text ÷ COPY", ratios["plain text"], 0.7),
        *(Figure(f"{name} ÷ COPY", f"{ratios[name]:.2f}") for name in ("JSON lines", "events")),
        *(Figure(f"{name}, MB/s of text", f"{speed(name):,.0f}") for name in FORMATS),
        Figure("COPY, MB/s of text", f"{size / median([one.copy for one in rounds]) / 1e6:,.0f}"),
        at_most(f"first byte {END} ÷ at the beginning", deep.pop(END), 1.2),
        Figure(f"first byte {', '.join(deep)} ÷ at the beginning", " · ".join(f"{one:.2f}" for one in deep.values())),
        Figure("first byte, ms", f"{median([one.first[BEGINNING] for one in rounds]) * 1000:.1f}"),
    ]
    how = (
        f"A real build has printed {count:,} lines of {LINE_BYTES} B. Its log is read from the API of a running plane, "
        "in each format that the API has, and so is a table with a row a line by `COPY … TO STDOUT` over a Unix "
        "socket; either client takes bytes from its socket and does not look at them. Bytes are those of the lines "
        "alone, without what the formats put around them. Every format was compared line by line before. "
        f"{len(rounds)} interleaved rounds; medians, and the medians of the ratios of a round. The first byte is that "
        f"of the plain text, with a connection of its own, {FIRST_BYTES} times a round at each place."
    )
    formats = (
        "Whoever wants a whole log quickest asks for plain text, which is stored as it is sent. A JSON line or an "
        f"event is made in Python, by one core: {encoding:,.0f} MB/s of text with nothing else to do. While a log is "
        "read that is half of the core's work; the other half is fetching and unpacking what is stored, and sending "
        "twice as many bytes."
    )
    depth = (
        f"The beginning of a log is one short line, stored by itself. Elsewhere {CHUNK_BYTES >> 10} KiB of lines and a "
        "read of the pipe are stored together, and have to be fetched and unpacked for the first of them: 0.1 ms each "
        "for 130 kB. Finding a line within them takes 0.03 ms at the most. Had all that waits been stored together, up "
        "to 1 MB, those would be 1.2, 1.6 and 0.03 ms: the ratio would be 1.4 where most waited."
    )
    return Finding("log lines out", how, figures, [formats, depth])
