"""The supervisor: starts programs in order, starts again each that dies, and stops them in reverse order."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from services.children import Child
from services.logfiles import RotatingFile
from services.parts import PartFile, State, clear_parts
from services.programs import PROBE_EVERY, CannotStart, Program, tail

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between the end of a program and its next start, doubled each time."""

HEALTHY_SECONDS = LONGEST_PAUSE
"""A program that was ready this long is started again after the first pause: that is no more often than otherwise."""

ATTEMPTS = 5
"""How often a program may fail before it was ever ready; then the whole start is given up."""

Say = Callable[[str], None]
"""Takes one line for the person who watches."""


def nobody_waits() -> None:
    """Called when everything is ready and nobody wants to know."""


async def supervise(
    programs: Sequence[Program],
    *,
    logs_dir: Path,
    run_dir: Path,
    say: Say,
    ready: Callable[[], None] = nobody_waits,
) -> None:
    """Keep ``programs`` running until SIGINT, SIGTERM or SIGHUP; a second signal kills instead of stopping.

    Each program starts after those that it needs, which come before it in the sequence. Its output goes to
    ``<logs_dir>/<name>.log``, its state to ``run_dir`` (``services.parts``); ``say`` gets a line for each change of
    state; ``ready`` is called once, when everything first is. Everything is stopped when this returns or raises.
    Raises CannotStart when a program never becomes ready.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup(1) does for those who outlive their terminal
        signals.append(signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, _once_then_again, stop, hurry)
    clear_parts(run_dir)
    kept = {
        program.name: _Kept(program, PartFile(run_dir, place, program.name), logs_dir, say, hurry)
        for place, program in enumerate(programs)
    }
    try:
        await _run(kept, stop, ready)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def following_pause(former: float, ready_seconds: float) -> float:
    """How long to wait before a program is started again that paused ``former`` and was then ready so long."""
    if not former or ready_seconds >= HEALTHY_SECONDS:
        return FIRST_PAUSE
    return min(former * 2, LONGEST_PAUSE)


def _once_then_again(once: asyncio.Event, again: asyncio.Event) -> None:
    (again if once.is_set() else once).set()


async def _run(kept: "dict[str, _Kept]", stop: asyncio.Event, ready: Callable[[], None]) -> None:
    keeping = [asyncio.create_task(one.keep([kept[name] for name in one.program.needs])) for one in kept.values()]
    stopping = asyncio.create_task(stop.wait())
    announcing = asyncio.create_task(_announce(list(kept.values()), ready))
    try:
        done, _ = await asyncio.wait([stopping, *keeping], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        stop.set()
        for other in (stopping, announcing):
            other.cancel()
        for task in reversed(keeping):
            task.cancel()
            await asyncio.wait([task])


async def _announce(kept: "Sequence[_Kept]", ready: Callable[[], None]) -> None:
    for one in kept:
        await one.was_ready.wait()
    ready()


class _Kept:
    """One program that is kept running, and its state."""

    def __init__(self, program: Program, file: PartFile, logs_dir: Path, say: Say, hurry: asyncio.Event) -> None:
        self.program = program
        self.was_ready = asyncio.Event()
        self._file = file
        self._path = logs_dir / f"{program.name}.log"
        self._log = RotatingFile(self._path)
        self._say = say
        self._hurry = hurry
        self._why = ""

    async def keep(self, needed: "Sequence[_Kept]") -> None:
        """Start it when ``needed`` are ready, and again whenever it ends, until cancelled. Raises CannotStart."""
        try:
            for one in needed:
                await one.was_ready.wait()
            await self._keep()
        finally:
            self._file.become(State.STOPPED)
            self._log.close()

    async def _keep(self) -> None:
        pause, restarts = 0.0, 0
        while True:
            healthy = await self._run_once(restarts)
            restarts += 1
            if not self.was_ready.is_set() and restarts >= ATTEMPTS:
                raise CannotStart(f"{self.program.name} {self._why}. The end of {self._path}:\n{tail(self._path)}")
            pause = following_pause(pause, healthy)
            self._say(f"{self.program.name} {self._why}; it starts again in {pause:.1f} s ({self._path})")
            self._file.become(State.FAILED, restarts=restarts)
            await asyncio.sleep(pause)

    async def _run_once(self, restarts: int) -> float:
        """From one start to its end, the reason of which it leaves in ``_why``; returns the seconds it was ready."""
        self._file.become(State.STARTING, restarts=restarts)
        try:
            await asyncio.to_thread(self.program.prepare)
            child = Child(self.program, self._log)
        except (CannotStart, OSError) as problem:
            self._why = f"cannot be started: {problem}"
            return 0.0
        try:
            return await self._watch(child)
        finally:
            if not await child.stop(self._hurry):
                self._say(f"{self.program.name} did not stop in time and was killed")

    async def _watch(self, child: Child) -> float:
        self._file.become(State.STARTING, pid=child.pid)
        began = monotonic()
        if not await self._becomes_ready(child):
            self._why = child.ending if child.ended.is_set() else "did not become ready in time"
            return 0.0
        self._say(f"{self.program.name} is ready ({monotonic() - began:.1f} s)")
        self._file.become(State.READY, pid=child.pid)
        self.was_ready.set()
        began = monotonic()
        await child.ended.wait()
        self._why = child.ending
        return monotonic() - began

    async def _becomes_ready(self, child: Child) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.program.ready_seconds):
                while not child.ended.is_set():
                    if await self.program.ready():
                        return not child.ended.is_set()
                    await asyncio.sleep(PROBE_EVERY)
        return False
