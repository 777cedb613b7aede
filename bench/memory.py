"""The memory of the plane: idle, with a hundred builds and a thousand readers, and while a build prints a gigabyte."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import psutil

from bench.planes import Plane, measured
from bench.results import Figure, Finding, at_most
from tests.system.planes import App, until
from tests.system.repositories import commit, page, repository

PARTS = ("postgres", "nats", "caddy", "edge", "worker", "api", "executor")
EVERY_SECONDS = 0.5
AGAIN_SECONDS = 0.2
ALL_READ_SECONDS = 120
"""Within this time everybody reads: asking takes the processor from a hundred builds."""
MB = 1024
"""In the kernel's kB."""


@dataclass(frozen=True)
class Memory:
    """Proportional set sizes in kB (proc_pid_smaps(5)): memory that several share is divided among them."""

    anonymous: int = 0
    files: int = 0
    shared: int = 0
    """Shared memory; in PostgreSQL's processes its shared buffers, as far as they were touched."""

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.anonymous + other.anonymous, self.files + other.files, self.shared + other.shared)

    @property
    def own(self) -> int:
        """Everything but shared memory."""
        return self.anonymous + self.files


@dataclass(frozen=True)
class Sizes:
    """How large everything is that is measured."""

    idle_seconds: float
    printed_bytes: int
    builds: int
    readers: int
    read_seconds: float
    """From when all of them read."""


FULL = Sizes(idle_seconds=30, printed_bytes=1 << 30, builds=100, readers=1000, read_seconds=15)
QUICK = Sizes(idle_seconds=1, printed_bytes=1 << 20, builds=2, readers=20, read_seconds=1)


def run(*, quick: bool) -> Finding:
    """One plane: idle, then one long log, then many builds with many readers."""
    sizes = QUICK if quick else FULL
    settings = {
        "SHIPBOOK_BUILDS_AT_ONCE": str(sizes.builds),
        "SHIPBOOK_BUILD_OUTPUT_MB": str((sizes.printed_bytes >> 20) + 1),
    }
    with measured(**settings) as (plane, directory):
        sleep(sizes.idle_seconds)
        idle = _parts(plane)
        site = repository(directory / "site", _printing("true"))
        app = plane.api.project(
            site, "static", "bench-memory", buildCommand="sh build.sh", outputDirectory="out", rootDirectory=""
        )
        app.deploy()
        before, printing = _printed(plane, app, site, sizes)
        building, readers = _built(plane, app, site, sizes)
    total = sum(idle.values(), Memory())
    crowded = at_most(f"{sizes.builds} builds and {readers:,} readers", building.own / MB, 450, "MB")
    figures = [_figure(name, memory) for name, memory in idle.items()]
    figures += [
        _figure("idle, all", total),
        Figure("idle, anonymous memory alone", f"{total.anonymous / MB:.0f} MB"),
        at_most("idle, all without shared buffers", total.own / MB, 250, "MB"),
        at_most(
            f"one build printing {sizes.printed_bytes >> 20:,} MiB: more than before it",
            max(0, printing.own - before.own) / MB,
            32,
            "MB",
        ),
        replace(crowded, met=crowded.met and readers == sizes.readers),
    ]
    how = (
        "The proportional set size (`smaps_rollup`) of every process of the plane, without PostgreSQL's shared buffers "
        "and without what the builds' own processes use. Pages of programs and libraries count as files, and are "
        "divided among those that use them, also outside the plane. Idle: "
        f"{sizes.idle_seconds:.0f} s after it was ready, with nothing deployed. Then the most that was seen, looking "
        f"every {EVERY_SECONDS} s: while one build prints lines of 100 B as fast as they are taken, against the moment "
        f"before it; and while {sizes.builds} builds run side by side, each printing ten lines a second, with "
        f"{readers:,} readers of their live streams."
    )
    return Finding("memory of the plane", how, figures, [_IDLE])


_IDLE = (
    "Where the idle plane's memory goes: 17 MB of anonymous memory are the least for Python with asyncio, and 25 with "
    "the database's library as well; half of the files are the programs of Caddy and NATS, which the kernel drops when "
    "somebody else needs room; 17 idle connections are 25 MB in PostgreSQL, seven of them hold an office. Forking our "
    "processes from one that has loaded everything would save about 33 MB, the edge within the worker about 31; ADR 22 "
    "says why neither is done. Tried without gain: fewer arenas and other thresholds of the allocator, GOGC and "
    "GOMEMLIMIT for Caddy. Leaving out docstrings saves 6 MB, and compiles every module at the first start. DNS "
    "messages of our own would save about 7 MB, the edge without cryptography and sandboxes 2."
)


def _printing(script: str) -> dict[str, str]:
    """A site whose build runs ``script``."""
    return {"build.sh": f"{script}\nmkdir -p out\ncp index.html out/\n", "index.html": page("memory")}


def _printed(plane: Plane, app: App, site: Path, sizes: Sizes) -> tuple[Memory, Memory]:
    """Before one build that prints so much, and the most while it prints."""
    commit(site, _printing(f"yes {'x' * 99} | head -c {sizes.printed_bytes}"), "Print")
    before = _all(plane)
    with _watching(plane) as most:
        ended = app.ended(app.trigger(), 180)
    assert ended["status"] == "succeeded", ended["error"]
    return before, most.seen


def _built(plane: Plane, app: App, site: Path, sizes: Sizes) -> tuple[Memory, int]:
    """The most while so many builds run, and how many readers followed them."""
    commit(site, _printing("while printf 'line\\n%.0s' 1 2 3 4 5 6 7 8 9 10; do sleep 1; done"), "Wait")
    deployments = [app.trigger() for _ in range(sizes.builds)]
    until(lambda: _running(app) == sizes.builds, 120, "the builds do not all run")
    with _watching(plane) as most:
        readers = asyncio.run(_read(plane, deployments, sizes))
    for deployment in deployments:
        app.api.send("POST", f"/deployments/{deployment['id']}/cancel", {})
    return most.seen, readers


def _running(app: App) -> int:
    """How many deployments are in their build."""
    found = app.api.send("GET", f"/projects/{app.id}/deployments", params={"status": "running", "pageSize": 100})
    return len(found["items"])


async def _read(plane: Plane, deployments: list[dict[str, Any]], sizes: Sizes) -> int:
    """Follow the deployments, all readers at once, for so long from when all read; how many read at the end."""
    fields = f"Host: {plane.http}\r\nAuthorization: Bearer {plane.credentials['token']}\r\n\r\n"
    paths = [f"/tenants/{plane.api.tenant}/deployments/{deployment['id']}/stream" for deployment in deployments]
    heads = [f"GET {path} HTTP/1.1\r\n{fields}" for path in islice(cycle(paths), sizes.readers)]
    reading = [asyncio.Event() for _ in heads]
    following = [asyncio.create_task(_follow(plane.http, head, one)) for head, one in zip(heads, reading, strict=True)]
    with suppress(TimeoutError):
        async with asyncio.timeout(ALL_READ_SECONDS):
            await asyncio.gather(*(one.wait() for one in reading))
    await asyncio.sleep(sizes.read_seconds)
    for one in following:
        one.cancel()
    await asyncio.wait(following)
    return sum(one.is_set() for one in reading)


async def _follow(address: str, head: str, reading: asyncio.Event) -> None:
    """Read until the stream ends, which is when ``reading`` is set; who is turned away comes back, as clients do."""
    while True:
        reader, writer = await asyncio.open_connection(*address.rsplit(":", 1))
        try:
            writer.write(head.encode())
            if b" 200 " in await reader.readline():
                reading.set()
                while await reader.read(1 << 16):
                    pass
                reading.clear()
                return
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            writer.close()


@dataclass
class _Most:
    """The most memory that was seen."""

    seen: Memory = field(default_factory=Memory)


@contextmanager
def _watching(plane: Plane) -> Iterator[_Most]:
    """Look again and again for the length of the block."""
    most, stop = _Most(), Event()

    def look() -> None:
        while not stop.wait(EVERY_SECONDS):
            most.seen = max(most.seen, _all(plane), key=lambda memory: memory.own)

    watch = Thread(target=look, name="memory")
    watch.start()
    try:
        yield most
    finally:
        stop.set()
        watch.join()


def _all(plane: Plane) -> Memory:
    return sum(_parts(plane).values(), Memory())


def _parts(plane: Plane) -> dict[str, Memory]:
    assert plane.process
    supervisor = _of(psutil.Process(plane.process.pid))
    return {"supervisor": supervisor, **{part: _tree(plane, part) for part in PARTS}}


def _figure(name: str, memory: Memory) -> Figure:
    split = f"{memory.anonymous / 1024:.0f} anonymous, {memory.files / 1024:.0f} files"
    shared = f", and {memory.shared / 1024:.0f} MB shared" if memory.shared > 1024 else ""
    return Figure(name, f"{memory.own / 1024:.0f} MB ({split}){shared}")


def _tree(plane: Plane, part: str) -> Memory:
    pid = plane.pid(part)
    assert pid, f"{part} does not run"
    process = psutil.Process(pid)
    children = [] if part == "executor" else process.children(recursive=True)  # its children are builds
    return sum(map(_of, [process, *children]), Memory())


def _of(process: psutil.Process) -> Memory:
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # a server's process that ended meanwhile
        return Memory()
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in text)}
    return Memory(sizes["Pss_Anon"], sizes["Pss_File"], sizes["Pss_Shmem"])
