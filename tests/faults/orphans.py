"""Whatever was started below us and has lost its parent comes to us, so that nothing can hide (prctl(2))."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.system.planes import until

PR_SET_CHILD_SUBREAPER = 36
GONE_SECONDS = 5.0


@contextmanager
def none_left() -> Iterator[None]:
    """After the block nothing runs that the block has started, at any depth."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    before = {process.pid for process in _running()}

    def left() -> list[psutil.Process]:
        return [process for process in _running() if process.pid not in before]

    yield
    with suppress(AssertionError):
        until(lambda: not left(), GONE_SECONDS)  # killed processes take a moment to go
    assert not left(), [_shown(process) for process in left()]


def _running() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _shown(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"{process.pid} {process.status()} {' '.join(process.cmdline())[:300]}"
    return str(process.pid)
