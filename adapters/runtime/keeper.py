"""Keeps one running application alive, and outlives every other process of the plane.

A program of its own, started with ``-I -S`` (only the standard library is at hand) and with its orders on stdin. It
detaches, starts the application behind its walls, writes what it prints to the spool, starts it again when it ends,
and says in a file how things stand. SIGTERM ends the application and then the keeper; when the keeper is killed, the
kernel ends the application with it. Secrets are in its memory only.
"""

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TypedDict

from adapters.masking import Masks
from adapters.runtime.identity import identify
from adapters.runtime.launch import become, children, die_with
from adapters.runtime.plan import Plan
from adapters.runtime.spool import SpoolWriter

CHUNK = 1 << 16
DRAIN_SECONDS = 1.0
ASK_SECONDS = 0.02


class Orders(TypedDict):
    """What to keep running."""

    plan: Plan
    directory: str
    """For the state file and the spool."""
    facts: dict[str, Any]
    """Goes into the state file as it is."""
    secrets: list[str]
    """What must not be written to the spool."""
    oom_counter: str | None
    """The kernel's file that counts processes killed for want of memory."""
    backoff: list[float]
    """Seconds before the first new start, the most, and after how long a run counts as stable."""


class _Secret:
    """A value that shows itself to nobody who does not ask for it."""

    def __init__(self, value: str) -> None:
        self.reveal = value


class Keeper:
    """The one application's keeper."""

    def __init__(self, orders: Orders) -> None:
        """Nothing is started yet."""
        self._orders = orders
        self._directory = Path(orders["directory"])
        self._spool = SpoolWriter(self._directory / "spool", Masks(map(_Secret, orders["secrets"])))
        self._stopping = False
        self._restarts = 0
        self._exit_code: int | None = None
        self._first = 0
        """The first process inside the walls."""
        self._began = 0.0
        self._wake = self._listen()

    def keep(self) -> None:
        """Run the application until told to stop."""
        least, most, stable = self._orders["backoff"]
        pause = least
        while not self._told_to_stop():
            began = time.monotonic()
            killed = self._killed_for_memory()
            self._exit_code = self._run_once()
            if self._told_to_stop():
                break
            pause = least if time.monotonic() - began >= stable else pause
            self._spool.say(f"{self._ending(killed)} It starts again in {pause:g} s.")
            self._restarts += 1
            self._write_state("restarting")
            self._wait([self._wake], pause)
            pause = min(pause * 2, most)
        self._write_state("stopped")

    def _run_once(self) -> int:
        child, streams = self._start()
        ended = os.pidfd_open(child)
        try:
            self._write_state("running")
            asked, patience = False, None
            while ended not in self._wait([*streams, self._wake, ended], patience):
                self._read(streams)
                asked = asked or (self._told_to_stop() and self._ask_to_end())
                patience = ASK_SECONDS if self._told_to_stop() and not asked else None
            self._drain(streams)
        finally:
            for fd in (ended, *streams):
                os.close(fd)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def _start(self) -> tuple[int, dict[int, str]]:
        out, err, report = os.pipe(), os.pipe(), os.pipe()
        keeper = os.getpid()
        child = os.fork()
        if child == 0:
            self._turn_into_application(keeper, out[1], err[1], report[1])
        for fd in (out[1], err[1], report[1]):
            os.close(fd)
        self._first = self._inside(child, report[0])
        self._began = time.time()
        return child, {out[0]: "o", err[0]: "e"}

    def _turn_into_application(self, keeper: int, out: int, err: int, report: int) -> NoReturn:
        plan = self._orders["plan"]
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.dup2(out, 1)
            os.dup2(err, 2)
            if plan["walls"]:
                os.set_inheritable(report, True)
                plan["walls"] += ["--info-fd", str(report)]
            die_with(keeper, signal.SIGKILL if plan["walls"] else signal.SIGTERM)
            become(plan)
        except OSError as problem:
            os.write(2, f"The sandbox could not be started: {problem}\n".encode())
        finally:
            os._exit(126)

    def _inside(self, child: int, report: int) -> int:
        """The first process inside the walls; without walls, the supervisor."""
        told = b""
        with os.fdopen(report, "rb", buffering=0) as file:
            while self._orders["plan"]["walls"] and b"}" not in told and (piece := file.read(CHUNK)):
                told += piece
        return int(json.loads(told)["child-pid"]) if b"}" in told else child

    def _read(self, streams: dict[int, str]) -> None:
        for fd in self._wait(list(streams), 0):
            piece = os.read(fd, CHUNK)
            if piece:
                self._spool.feed(streams[fd], piece)
            else:
                os.close(fd)
                del streams[fd]

    def _drain(self, streams: dict[int, str]) -> None:
        """Take what the pipes still hold; their ends close when the last process inside has ended."""
        until = time.monotonic() + DRAIN_SECONDS
        while streams and time.monotonic() < until:
            self._wait(list(streams), DRAIN_SECONDS)
            self._read(streams)
        self._spool.finish()

    def _ask_to_end(self) -> bool:
        """Pass SIGTERM on to the application's own process, as a container engine does; False when it has none yet."""
        main = children(self._first)[:1]
        for pid in main:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        return bool(main)

    def _listen(self) -> int:
        """A file descriptor that wakes the loop when the keeper is told to stop."""
        wake, ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        return wake

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _told_to_stop(self) -> bool:
        return self._stopping

    def _wait(self, fds: list[int], seconds: float | None) -> list[int]:
        poll = select.poll()
        for fd in fds:
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(None if seconds is None else seconds * 1000)]
        if self._wake in ready:
            with suppress(BlockingIOError):
                os.read(self._wake, CHUNK)
        return ready

    def _killed_for_memory(self) -> int:
        path = self._orders["oom_counter"]
        with suppress(OSError):
            lines = Path(path).read_text().splitlines() if path else []
            return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
        return 0

    def _ending(self, killed_before: int) -> str:
        if self._killed_for_memory() > killed_before:
            return "The application was killed: it needed more memory than its limit allows."
        if self._exit_code and self._exit_code > 128:
            return f"The application was ended by signal {self._exit_code - 128}."
        return f"The application ended with exit code {self._exit_code}."

    def _write_state(self, state: str) -> None:
        running = state == "running"
        content = self._orders["facts"] | {
            "keeper": identify(os.getpid()),
            "application": identify(self._first) if running else None,
            "state": state,
            "restarts": self._restarts,
            "exit_code": self._exit_code,
            "started_at": self._began,
        }
        passing = self._directory / "state.passing"
        passing.write_text(json.dumps(content))
        passing.replace(self._directory / "state.json")


def main() -> None:
    """Read the orders from stdin, detach, and keep. The starter's call returns once the state file is there."""
    orders: Orders = json.load(sys.stdin)
    ready, report = os.pipe()
    if os.fork():
        os.close(report)
        sys.exit(0 if os.read(ready, 1) else "The keeper could not start; its directory holds keeper.log.")
    os.close(ready)
    os.setsid()
    _detach(Path(orders["directory"]) / "keeper.log")
    keeper = Keeper(orders)
    keeper._write_state("starting")  # noqa: SLF001 - the program and its class are one
    os.write(report, b"1")
    os.close(report)
    keeper.keep()


def _detach(log: Path) -> None:
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    problems = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for fd, source in ((0, nothing), (1, nothing), (2, problems)):
        os.dup2(source, fd)
    os.close(nothing)
    os.close(problems)
