"""Whatever was started below us and has lost its parent comes to us, so that nothing can hide (prctl(2))."""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

from tests.system.planes import until

PR_SET_CHILD_SUBREAPER = 36
GONE_SECONDS = 5.0


@contextmanager
def none_left() -> Iterator[None]:
    """After the block nothing runs that the block has started, at any depth."""
    others = psutil.Process().children()  # the tests' own servers, which go on starting processes
    with _foster_parent():
        yield
        with suppress(AssertionError):
            until(lambda: not _running(others), GONE_SECONDS)  # killed processes take a moment to go
        assert not (left := _running(others)), [_shown(process) for process in left]


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


def _running(others: Sequence[psutil.Process]) -> list[psutil.Process]:
    """What lives below us, but for ``others`` and what is below them."""
    found = []
    for child in set(psutil.Process().children()) - set(others):
        with suppress(psutil.NoSuchProcess):
            found += [process for process in (child, *child.children(recursive=True)) if _lives(process)]
    return found


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def _shown(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"{process.pid} {process.status()} {' '.join(process.cmdline())[:300]}"
    return str(process.pid)
