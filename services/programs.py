"""A program that we run beside us: how it is prepared, started, known to be ready, and stopped."""

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from time import monotonic
from typing import IO

from services import launching

PROBE_EVERY = 0.02
"""Seconds between two questions whether a program is ready."""


class CannotStart(Exception):
    """Something that must run cannot; the message says what, why, and how to mend it."""


def nothing() -> None:
    """The preparation of a program that needs none."""


@dataclass(frozen=True)
class Program:
    """One program. ``prepare`` runs before each start and may block; ``ready`` answers within seconds, never raises."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    prepare: Callable[[], None] = nothing
    needs: tuple[str, ...] = ()
    """Names of the programs that are ready before this one starts."""
    ready_seconds: float = 30.0
    """How long it may take until it is ready; then it is killed."""
    stop_signal: Signals = SIGTERM
    grace_seconds: float = 10.0
    """How long it may take to stop; then its process group is killed."""
    orphan_signal: Signals = SIGKILL
    """What it gets when its supervisor dies."""
    identity: int | None = None
    """The user that it sees itself as (``services.launching``), or None for who we are."""


def launched(argv: tuple[str, ...], orphan_signal: Signals, identity: int | None) -> list[str]:
    """``argv`` started through ``services.launching``."""
    who = "-" if identity is None else str(identity)
    script = [sys.executable, "-I", "-S", launching.__file__]
    return [*script, str(os.getpid()), str(int(orphan_signal)), who, *argv]


def spawn(program: Program, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``program`` in a session of its own, so that a terminal's Ctrl-C reaches only us.

    Call it from the main thread: the orphan signal comes when the *thread* that started a process ends (prctl(2)).
    """
    return subprocess.Popen(
        launched(program.argv, program.orphan_signal, program.identity),
        env=dict(program.environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the process group of ``process``, which must not have been waited for."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, SIGKILL)


@contextmanager
def running(program: Program, log: Path) -> Iterator[None]:
    """``program`` runs, ready, within the block. Raises CannotStart with the end of its log."""
    program.prepare()
    with log.open("ab") as output:
        process = spawn(program, output)
    try:
        asyncio.run(_until_ready(program, process, log))
        yield
    finally:
        os.kill(process.pid, program.stop_signal)  # Popen.send_signal would wait for one that has ended
        _ended(process, program.grace_seconds)
        kill_group(process)
        process.wait()


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether ``process`` ends within ``seconds``; it is not waited for, so its process group stays known."""
    descriptor = os.pidfd_open(process.pid)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


async def _until_ready(program: Program, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = monotonic() + program.ready_seconds
    while not await program.ready():
        if _ended(process, 0) or monotonic() > deadline:
            raise CannotStart(f"{program.name} does not start. The end of {log}:\n{tail(log)}")
        await asyncio.sleep(PROBE_EVERY)


def tail(log: Path, lines: int = 10) -> str:
    """The last ``lines`` of a log file."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
