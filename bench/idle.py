"""Five thousand readers of a log in which nothing happens: the memory of each, and what is left when they have gone."""

import asyncio
import re
import urllib.request

import psutil

from bench.fanout import Ours, served
from bench.quantiles import median
from bench.readers import Crowd, reading
from bench.results import Figure, Finding, at_most
from tests.system.planes import until

PATIENCE_SECONDS = 30
_READERS = re.compile(r"^shipbook_stream_readers\{.*\} ([\d.]+)$", re.MULTILINE)


def run(*, quick: bool) -> Finding:
    """They come, stay for a while, and go; some times over."""
    return asyncio.run(_run(readers=100 if quick else 5000, rounds=1 if quick else 3, idle=0 if quick else 5))


async def _run(readers: int, rounds: int, idle: float) -> Finding:
    async with served() as ours:
        await _held(ours, readers // 25, 0)  # what the first of them wakes up is nobody's own
        before = _memory(ours.pid)
        with_them, without_them = [], []
        for _ in range(rounds):
            with_them.append(await _held(ours, readers, idle))
            without_them.append(_memory(ours.pid))
    how = (
        f"The unique set size of the API process before, while and after {readers:,} connections, all in one other "
        f"process, read the event stream of one log in which nothing happens; {rounds} times over."
    )
    more = (with_them[-1] - with_them[0]) / with_them[0]
    figures = [
        at_most("each reader", median([held - before for held in with_them]) / readers / 1024, 30, "KB"),
        Figure("the last crowd takes more than the first", f"{more:.1%}", "≤ 1 %", more <= 0.01),
        Figure("before anybody came", _shown(before)),
        Figure(f"with {readers:,} readers", " · ".join(map(_shown, with_them))),
        Figure("after they left", " · ".join(map(_shown, without_them))),
    ]
    note = (
        "What readers took is free once they have gone, and the next ones take it: Python's allocator counts as many "
        "bytes in use as before they came. It gives an arena of 1 MiB back to the system only when all of it is free, "
        "and most have a block that outlives the readers; so the process stays larger than it was. The C library's "
        "allocator, trimmed once they have left, kept 1.4 times the memory of before instead of 2.7 times, and took "
        "a fifth of the speed at which logs are streamed, measured against COPY: it is not used."
    )
    return Finding("idle readers", how, figures, [note])


async def _held(ours: Ours, readers: int, idle: float) -> int:
    """The memory with so many readers; they have gone when it is known."""
    with reading(Crowd(*ours.place(), readers)) as crowd:
        await crowd.ready()
        await _until_there_are(ours, readers)
        await asyncio.sleep(idle)
        held = _memory(ours.pid)
    await _until_there_are(ours, 0)
    return held


async def _until_there_are(ours: Ours, readers: int) -> None:
    await asyncio.to_thread(
        until, lambda: _readers(ours) == readers, PATIENCE_SECONDS, "they do not come, or do not go"
    )


def _readers(ours: Ours) -> int:
    """How many the API counts."""
    with urllib.request.urlopen(f"http://{ours.plane.http}/metrics", timeout=10) as answer:
        return int(sum(float(number) for number in _READERS.findall(answer.read().decode())))


def _memory(pid: int) -> int:
    return int(psutil.Process(pid).memory_full_info().uss)


def _shown(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
