"""One log and a thousand readers: against bare socket writes, and against nchan."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from adapters.linestore import LineStore
from adapters.linewriting import LineWriter, LineWriters
from adapters.masking import Masks
from adapters.nats.connecting import Connection
from adapters.nats.doorbell import Doorbells
from adapters.nats.subjects import log_bell
from adapters.observability import configure_logging
from adapters.settings import Settings
from bench import bare, nchan
from bench.planes import Plane, measured
from bench.quantiles import median
from bench.readers import Crowd, Reading, Saw, reading
from bench.results import Figure, Finding, at_least
from domain.identifiers import ReleaseId, runtime_log
from services.embedded import nats_url
from services.wiring import core
from tests.system.repositories import repository, static

END = "the end"
PACE_SECONDS = 0.05
STALLED = 10
STALLING_BYTES = 12 << 20
"""More than sockets and transports hold for a reader that takes nothing."""


class Server(Protocol):
    """Who fans out."""

    @property
    def pid(self) -> int:
        """The process that writes to the readers."""
        ...

    def place(self) -> tuple[str, int, str]:
        """Host, port and request of a reader from here on."""
        ...

    async def publish(self, texts: Sequence[str]) -> None:
        """Give each text to all readers, in a frame of its own."""
        ...


@dataclass(frozen=True)
class Ours:
    """The API process of a plane; the bench writes the log as an executor does."""

    plane: Plane
    release: str
    writer: LineWriter

    @property
    def pid(self) -> int:
        found = self.plane.pid("api")
        assert found
        return found

    def place(self) -> tuple[str, int, str]:
        path = f"/tenants/{self.plane.api.tenant}/releases/{self.release}/runtime-logs/stream"
        head = f"GET {path}?after={self.writer.last_seq} HTTP/1.1\r\nHost: {self.plane.http}\r\n"
        host, port = self.plane.http.split(":")
        return host, int(port), f"{head}Authorization: Bearer {self.plane.credentials['token']}\r\n\r\n"

    async def publish(self, texts: Sequence[str]) -> None:
        await self.writer.write("".join(f"{text}\n" for text in texts).encode())
        await self.writer.flush()


@dataclass(frozen=True)
class Nchan:
    """One worker of nginx; what is published is a frame as ours are."""

    port: int
    pid: int

    def place(self) -> tuple[str, int, str]:
        return "127.0.0.1", self.port, "GET /stream HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"

    async def publish(self, texts: Sequence[str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for start in range(0, len(texts), 50):
            bodies = [_frame(text) for text in texts[start : start + 50]]
            for body in bodies:
                writer.write(b"POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            for _ in bodies:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                assert head.startswith(b"http/1.1 20"), head
                await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))
        writer.close()


@dataclass(frozen=True)
class Bare:
    """The loop over sockets."""

    server: bare.Server

    @property
    def pid(self) -> int:
        return self.server.pid

    def place(self) -> tuple[str, int, str]:
        return "127.0.0.1", self.server.port, "GET / HTTP/1.1\r\n\r\n"

    async def publish(self, texts: Sequence[str]) -> None:
        await asyncio.to_thread(self.server.send, len(texts), b"data: " + _frame(texts[0]))


@dataclass(frozen=True)
class Rate:
    """Frames a second, and frames a second of CPU time of the process that writes them."""

    frames: float
    per_core: float


def run(*, quick: bool) -> Finding:
    """Interleaved rounds: ours, bare writes, nchan; and ours with readers that stall."""
    return asyncio.run(_quick() if quick else _full())


async def _quick() -> Finding:
    async with served() as ours:
        poured = await _poured(ours, readers=50, frames=500)
    figures = [Figure("frames/s", f"{poured.frames:,.0f}")]
    return Finding("one log, many readers", "50 readers of one log, without peers.", figures)


async def _full(readers: int = 1000, rounds: int = 5) -> Finding:
    mine, bares, theirs, calm, bare_calm, stalled = [], [], [], [], [], []
    async with served() as ours, _nchan() as peer:
        for _ in range(rounds):
            mine.append(await _poured(ours, readers, frames=4000))
            with bare.serving(readers) as server:
                bares.append(await _poured(Bare(server), readers, frames=400))
            with bare.serving(readers) as server:
                bare_calm.append(await _paced(Bare(server), readers))
            theirs.append(await _poured(peer, readers, frames=400))
            calm.append(await _paced(ours, readers))
            stalled.append(await _paced_beside_stalled(ours, readers))
        single = await _paced(ours, readers=1)
    how = (
        f"{readers:,} connections to the event stream of one log in one API process, held by one other process that "
        "reads with epoll. Lines are stored and rung for as an executor does it, as fast as they are taken. L3 is a "
        "Python loop that writes one frame, encoded before, to each socket; nchan is nginx with one worker, fed over "
        f"its endpoint with frames of the same size. Frames that come alone are 50 ms apart. "
        f"{rounds} interleaved rounds; medians, and the median of the "
        "ratios of a round. CPU is that of the process that writes to the readers."
    )
    ratios = [(a.frames / b.frames, a.frames / c.frames) for a, b, c in zip(mine, bares, theirs, strict=True)]
    alone = median([a.per_core / b.per_core for a, b in zip(calm, bare_calm, strict=True)])
    slower = median([a.p99 / b.p99 for a, b in zip(stalled, calm, strict=True)])
    figures = [
        at_least("frames/s ÷ L3", median([ratio for ratio, _ in ratios]), 0.6),
        at_least("frames/s ÷ nchan", median([ratio for _, ratio in ratios]), 0.3),
        at_least("frames/s a core", median([rate.per_core for rate in mine]), 60_000),
        at_least("frames/s a core, each written alone", median([one.per_core for one in calm]), 60_000),
        at_least("the same ÷ L3 at the same pace", alone, 0.6),
        Figure("CPU of a line that comes alone, to one reader", f"{1000 / single.per_core:.1f} ms"),
        Figure(f"p99 beside {STALLED} stalled readers ÷ p99 without", f"{slower:.2f}", "≤ 1.05", slower <= 1.05),
        Figure("p99 of a line to every reader", f"{median([one.p99 for one in calm]) * 1000:.0f} ms"),
        *(_shown(name, rates) for name, rates in (("ours", mine), ("L3", bares), ("nchan", theirs))),
    ]
    note = (
        "Poured, a page holds many lines, and all of them go to a reader in one write; so frames/s are far above "
        "single writes. Alone, a frame costs what the kernel takes to send it and to wake its reader, as in the bare "
        "loop; what ours costs more is the transport's queue, about a microsecond, and for each line, not for each "
        "reader, the ring, two looks at the store and the encoding: a millisecond and a half, or as many microseconds "
        "a frame with a thousand readers. Writing to the socket past the transport saved half a microsecond, and has "
        "to be sure that the descriptor is still the connection's: it is not done."
    )
    return Finding("one log, a thousand readers", how, figures, [note])


def _shown(name: str, rates: Sequence[Rate]) -> Figure:
    frames, per_core = median([rate.frames for rate in rates]), median([rate.per_core for rate in rates])
    return Figure(f"frames/s of {name}", f"{frames:,.0f}; {per_core:,.0f} a core")


async def _poured(server: Server, readers: int, frames: int) -> Rate:
    """So many frames to each reader, as fast as they are taken."""
    with reading(Crowd(*server.place(), readers, pause=0.002)) as crowd:
        await crowd.ready()
        used, began = _cpu(server.pid), time.time()
        await server.publish([_text()] * frames)
        saw = await _ended(server, crowd)
        used = _cpu(server.pid) - used
    return Rate(frames * readers / (saw.ended - began), frames * readers / used)


@dataclass(frozen=True)
class Pace:
    """The p99 of a frame's way to all readers, in seconds, and frames a second of CPU, where each comes alone."""

    p99: float
    per_core: float


async def _paced(server: Server, readers: int, frames: int = 40) -> Pace:
    """So many frames to each reader, one after another."""
    with reading(Crowd(*server.place(), readers, timed=True)) as crowd:
        await crowd.ready()
        used = _cpu(server.pid)
        for _ in range(frames):
            due = time.time() + PACE_SECONDS
            await server.publish([_text()])
            await asyncio.sleep(due - time.time())
        used = _cpu(server.pid) - used
        return Pace((await _ended(server, crowd)).p99, frames * readers / used)


async def _paced_beside_stalled(server: Server, readers: int) -> Pace:
    """The same, while others read nothing of what they have asked for."""
    with reading(Crowd(*server.place(), STALLED, stalled=STALLED)) as stalling:
        await stalling.ready()
        for _ in range(STALLING_BYTES >> 18):
            await server.publish(["x" * 65_000] * 4)
        return await _paced(server, readers)


async def _ended(server: Server, crowd: Reading) -> Saw:
    """Say the end until everybody has it: one that is cut in two between reads is not seen."""
    seen = asyncio.create_task(crowd.result())
    while not seen.done():
        await server.publish([END])
        await asyncio.wait({seen}, timeout=PACE_SECONDS)
    return seen.result()


def _cpu(pid: int) -> float:
    """Seconds that all threads of a process have run (proc_pid_schedstat, in nanoseconds)."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def _text() -> str:
    return f"compiled src/pages/checkout/summary.tsx at={time.time_ns()}"


def _frame(text: str) -> bytes:
    """A message of the native API's size."""
    frame = {"type": "log", "seq": 100_000, "at": "2027-01-31T12:00:00.123456Z", "stream": "stdout", "step": None}
    return json.dumps(frame | {"text": text}, separators=(",", ":")).encode()


@asynccontextmanager
async def served() -> AsyncIterator[Ours]:
    """A plane, and the log of a release on it that the bench writes."""
    with measured() as (plane, directory):
        app = plane.api.project(repository(directory / "site", static()), "static", "fanout")
        release = str(app.deploy()["releaseId"])
        settings = Settings(data_dir=plane.directory)
        configure_logging("bench", level="warning")
        async with (
            core(settings) as built_on,
            Connection(lambda: nats_url(settings), name="bench") as connection,
            Doorbells(connection) as doorbells,
            LineWriters.start(LineStore(built_on.database), lambda log_id: doorbells.ring(log_bell(log_id))) as writers,
            writers.open(runtime_log(ReleaseId(release)), Masks()) as writer,
        ):
            yield Ours(plane, release, writer)


@asynccontextmanager
async def _nchan() -> AsyncIterator[Nchan]:
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, nchan.serving(Path(directory) / "nchan") as found:
        yield Nchan(*found)
