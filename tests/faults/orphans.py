"""Whatever was started below us and has lost its parent comes to us, so that nothing can hide (prctl(2))."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.system.planes import until

PR_SET_CHILD_SUBREAPER = 36
GONE_SECONDS = 5.0


@contextmanager
def none_left() -> Iterator[None]:
    """After the block nothing runs that the block has started, at any depth."""
    before = {process.pid for process in _below_us()}
    with _foster_parent():
        yield
        with suppress(AssertionError):
            until(lambda: not _running(before), GONE_SECONDS)  # killed processes take a moment to go
        assert not (left := _running(before)), [_shown(process) for process in left]


@contextmanager
def _foster_parent() -> Iterator[None]:
    """For the length of the block orphans are our children; those that ended are then waited for."""
    mine = {process.pid for process in psutil.Process().children()}
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        for child in psutil.Process().children():
            if child.pid not in mine:
                with suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)


def _below_us() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _running(before: set[int]) -> list[psutil.Process]:
    found = []
    for process in _below_us():
        with suppress(psutil.NoSuchProcess):
            if process.pid not in before and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _shown(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"{process.pid} {process.status()} {' '.join(process.cmdline())[:300]}"
    return str(process.pid)
