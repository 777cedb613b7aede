"""Run one command in a sandbox, and leave nothing of it behind."""

import asyncio
import contextlib
import json
import marshal
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path

import msgspec

from adapters.runtime import limits as limiting
from adapters.runtime import sandbox as walls
from adapters.runtime.limits import ControlGroup, Limits
from adapters.runtime.plan import Plan
from adapters.runtime.sandbox import Capabilities, Sandbox, SandboxUnavailable

CHUNK = 1 << 16
WATCH_SECONDS = 0.25
END_SECONDS = 5.0
OnOutput = Callable[[bytes], Awaitable[None]]


class Reason(StrEnum):
    """Why a command ended."""

    EXITED = "exited"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_LIMIT = "output_limit"
    CPU_LIMIT = "cpu_limit"
    SIGNAL = "signal"


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended. ``exit_code`` is as a shell gives it (128 + n for signal n); ``seconds`` of wall clock."""

    exit_code: int
    reason: Reason
    seconds: float

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself, and well."""
        return self.reason is Reason.EXITED and self.exit_code == 0


class _Tree(msgspec.Struct):
    """A launched command: the process that we wait for, and the first process inside its walls."""

    process: asyncio.subprocess.Process
    output: int
    walled: bool
    first: int | None = None
    """A pidfd: readable once the kernel has ended the whole tree."""


async def run(
    command: list[str],
    sandbox: Sandbox,
    limits: Limits,
    on_output: OnOutput,
    *,
    cancelled: asyncio.Event | None = None,
    able: Capabilities | None = None,
) -> Finished:
    """Run ``command``; hand each piece of its output (stdout and stderr together) to ``on_output`` as it comes.

    The next piece is read when ``on_output`` has returned, so a slow reader slows the command. When this returns or
    raises, no process of the command is left. Setting ``cancelled`` ends it and is reported; cancelling the calling
    task ends it and raises.

    Raises:
        SandboxUnavailable: The sandbox cannot be made here.
    """
    if able is None:
        able = await asyncio.to_thread(walls.capabilities)
    began = time.monotonic()
    group = limiting.make(limiting.passing(), limits)
    try:
        tree = await _launch(walls.plan(command, sandbox, limits, None, able), group, _inside)
        try:
            stopped = await _attend(tree, limits, group, on_output, cancelled or asyncio.Event())
        finally:
            await asyncio.shield(_end(tree))
            os.close(tree.output)
        code = tree.process.returncode or 0
        reason = stopped or _reason(code, group)
    finally:
        if group:
            await asyncio.shield(group.dissolve())
    return Finished(exit_code=code if code >= 0 else 128 - code, reason=reason, seconds=time.monotonic() - began)


def interpreter(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own stdlib-only programs, which no variable or site file can bend."""
    root = str(Path(__file__).resolve().parents[2])
    program = f"import sys; sys.path.append({root!r}); from adapters.runtime.{module} import main; main()"
    return [sys.executable, "-I", "-S", "-c", program, *arguments]


async def readable(fd: int, seconds: float | None = None) -> bool:
    """Wait until ``fd`` has something to read or has ended; False when ``seconds`` pass first."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    except TimeoutError:
        return False
    else:
        return True
    finally:
        loop.remove_reader(fd)


Learn = Callable[[_Tree, int], Awaitable[None]]


async def _launch(plan: Plan, group: ControlGroup | None, learn: Learn) -> _Tree:
    """Start the program that becomes the command. It enters the group while its interpreter starts, and then may go."""
    go = os.eventfd(0)
    output, writes_output = os.pipe()
    report, writes_report = os.pipe()
    if plan["walls"]:
        plan["walls"] += ["--info-fd", str(writes_report)]
    paper = os.memfd_create("plan")
    os.write(paper, marshal.dumps(plan))  # type: ignore[arg-type]  # strings, numbers, lists of them
    os.lseek(paper, 0, os.SEEK_SET)
    try:
        process = await asyncio.create_subprocess_exec(
            *interpreter("launch", str(os.getpid()), str(paper), str(go)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writes_output,
            stderr=writes_output,
            pass_fds=(paper, go, writes_report),
            start_new_session=True,
            env={},
        )
    except BaseException:
        for fd in (output, report, go):
            os.close(fd)
        raise
    finally:
        for fd in (writes_output, writes_report, paper):
            os.close(fd)
    tree = _Tree(process=process, output=output, walled=plan["walls"] is not None)
    try:
        if group:
            await _entered(group, process.pid)
        os.eventfd_write(go, 1)
        await learn(tree, report)
    except BaseException:
        await asyncio.shield(_end(tree))
        os.close(output)
        raise
    finally:
        os.close(report)
        os.close(go)
    return tree


async def _entered(group: ControlGroup, pid: int) -> None:
    """The process is in the group, or has ended before."""
    try:
        await asyncio.to_thread(group.enter, pid)
    except ProcessLookupError:
        return
    except OSError as problem:
        raise SandboxUnavailable(f"The command could not be put behind its limits: {problem}") from problem


async def _inside(tree: _Tree, report: int) -> None:
    """Learn the first process inside the walls: when it has ended, the kernel has ended all others before it."""
    if not tree.walled:
        return
    told = b""
    while b"}" not in told:
        await readable(report)
        piece = os.read(report, CHUNK)
        if not piece:
            return
        told += piece
    with contextlib.suppress(ProcessLookupError):
        tree.first = os.pidfd_open(json.loads(told)["child-pid"])


async def _attend(
    tree: _Tree, limits: Limits, group: ControlGroup | None, on_output: OnOutput, cancelled: asyncio.Event
) -> Reason | None:
    """Wait for the end, or for the first reason to bring it about."""
    pump = asyncio.create_task(_pump(tree, limits.output_bytes, on_output))
    cancel = asyncio.create_task(cancelled.wait())
    watch = asyncio.create_task(_watch(group, limits.cpu_seconds))
    try:
        done, _ = await asyncio.wait(
            {pump, cancel, watch}, timeout=limits.wall_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if pump in done:
            return pump.result()
        await _end(tree)
        await asyncio.wait({pump}, timeout=1)  # what the pipe still holds
        if pump.done():
            pump.result()
        if cancel in done:
            return Reason.CANCELLED
        return Reason.CPU_LIMIT if watch in done else Reason.TIMED_OUT
    finally:
        for task in (pump, cancel, watch):
            task.cancel()
        await asyncio.gather(pump, cancel, watch, return_exceptions=True)


async def _pump(tree: _Tree, most: int | None, on_output: OnOutput) -> Reason | None:
    total = 0
    while True:
        await readable(tree.output)
        piece = os.read(tree.output, CHUNK)
        if not piece:
            await tree.process.wait()
            return None
        total += len(piece)
        if most is not None and total > most:
            await on_output(piece[: most - total])
            return Reason.OUTPUT_LIMIT
        await on_output(piece)


async def _watch(group: ControlGroup | None, cpu_seconds: int | None) -> None:
    """Return when the whole tree has used up its CPU time; each process is also held to it by the kernel."""
    while group is None or cpu_seconds is None or group.cpu_seconds() < cpu_seconds:  # noqa: ASYNC110 - no event
        await asyncio.sleep(WATCH_SECONDS)


async def _end(tree: _Tree) -> None:
    """End every process of the tree, and wait until that is so."""
    try:
        if tree.first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(tree.first, signal.SIGKILL)
            await readable(tree.first, END_SECONDS)
        elif tree.process.returncode is None:
            # A supervisor kills its tree before it ends; bubblewrap that has not yet begun has none.
            tree.process.send_signal(signal.SIGKILL if tree.walled else signal.SIGTERM)
        async with asyncio.timeout(END_SECONDS):
            await tree.process.wait()
    except TimeoutError:
        tree.process.kill()
    finally:
        if tree.first is not None:
            os.close(tree.first)
            tree.first = None


def _reason(code: int, group: ControlGroup | None) -> Reason:
    if code and group and group.out_of_memory():
        return Reason.OUT_OF_MEMORY
    if code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return Reason.CPU_LIMIT
    if code < 0 or 128 < code <= 128 + signal.SIGRTMAX:
        return Reason.SIGNAL
    return Reason.EXITED
