"""Puts a process behind its limits and walls, then becomes that process.

Runs outside the sandbox, before any line of the customer's, in an interpreter started with ``-I -S``: only the
standard library is at hand. Builds run it as a program of its own; a keeper calls it in the child it has forked.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # the rest of ``signal`` are enums, which take 3 ms to load
import ctypes
import marshal
import os
import resource
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # each step of each build starts this program: what it need not load makes all of them faster
    from typing import NoReturn

    from adapters.runtime.plan import Plan

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SIGKILL, SIGTERM = 9, 15
"""As everywhere on Linux (signal(7))."""


def become(plan: Plan) -> NoReturn:
    """Enter the control groups, take the limits, and turn into the sandbox's own first process."""
    for path in plan["joins"]:
        _write(path, str(os.getpid()))
    limit(plan["rlimits"])
    if plan["walls"] is None:
        _supervise(plan)
    arguments = _arguments(plan)
    program = plan["walls"][0]
    os.execve(program, [program, "--args", str(arguments), "--", *plan["command"]], {})  # noqa: S606 - no shell wanted


def _write(path: str, content: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib takes longer to load than all else here
        file.write(content)


def limit(rlimits: dict[str, int]) -> None:
    """Lower the kernel's per-process limits; one that is already lower stays."""
    for name, value in rlimits.items():
        number: int = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # Past the soft limit of CPU time a process is told; past the hard one it is killed.
        spare = 5 if name == "CPU" and most == value else 0
        resource.setrlimit(number, (most, most + spare))


def die_with(parent: int, number: int = SIGKILL) -> None:
    """Have the kernel send ``number`` to this process when ``parent`` ends, also if it has already ended."""
    prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def prctl(option: int, value: int) -> None:
    """Call prctl(2), for which the standard library has no name."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl failed")


def _arguments(plan: Plan) -> int:
    """bubblewrap's arguments in an anonymous file, where no process list shows them: they hold secrets."""
    words = list((plan["walls"] or [])[1:])
    for path, content in plan["files"].items():
        words += ["--perms", "0644", "--ro-bind-data", str(_anonymous(content.encode())), path]
    for name, value in plan["environment"].items():
        words += ["--setenv", name, value]
    words += ["--chdir", plan["directory"]]
    return _anonymous("".join(f"{word}\0" for word in words).encode())


def _anonymous(content: bytes) -> int:
    fd = os.memfd_create("plan", 0)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _supervise(plan: Plan) -> NoReturn:
    """Without namespaces: adopt every orphan of the command, and end only when none of its tree is left."""
    import warnings  # noqa: F401, PLC0415 - os.execvpe loads it, which another user may not be able to

    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: _end(128 + SIGTERM))
    main = os.fork()
    if main == 0:
        _run_unwalled(plan)
    while True:
        pid, status = os.wait()
        if pid == main:
            code = os.waitstatus_to_exitcode(status)
            _end(code if code >= 0 else 128 - code)


def _run_unwalled(plan: Plan) -> NoReturn:
    try:
        os.chdir(plan["directory"])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        if plan["user"] is not None:
            os.setgroups([])
            os.setresgid(plan["user"], plan["user"], plan["user"])
            os.setresuid(plan["user"], plan["user"], plan["user"])
        os.setsid()
        os.execvpe(plan["command"][0], plan["command"], plan["environment"])  # noqa: S606 - no shell wanted
    except OSError as problem:
        os.write(2, f"{plan['command'][0]} could not be started: {problem.strerror}\n".encode())
    os._exit(127)


def _end(code: int) -> NoReturn:
    """Kill children until there are none: an orphan becomes a child here, so no fork escapes for long."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        for pid in children(os.getpid()):
            os.kill(pid, SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            os._exit(code)
        time.sleep(0.001)


def children(pid: int) -> list[int]:
    """The direct children of a process, oldest first; none when it is gone."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - as above
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:  # noqa: PTH123 - as above
                found += map(int, file.read().split())
    except OSError:
        return found
    return found


def main() -> NoReturn:
    """Read the plan from a file descriptor, and become it when the parent says on another one that limits are set."""
    parent, fd, go = map(int, sys.argv[1:4])
    with os.fdopen(fd, "rb") as file:
        plan: Plan = marshal.load(file)  # noqa: S302 - written by our own parent
    die_with(parent, SIGKILL if plan["walls"] else SIGTERM)
    os.eventfd_read(go)
    os.close(go)
    try:
        become(plan)
    except OSError as problem:
        os.write(2, f"The sandbox could not be started: {problem}\n".encode())
    sys.exit(126)
