"""What is checked before anything starts: the data directory, its lock, the ports, and the room on the disk."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from adapters.settings import Address, Settings, SettingsInvalid, private_directory, variable
from services.ports import bindable
from services.programs import CannotStart

ROOM_MB = 500
"""The least free room to start with."""

_PORT_SECONDS = 2.0
"""Processes of a plane that was killed give their ports back within this time."""


@contextmanager
def claimed(settings: Settings, *, room_mb: int = ROOM_MB) -> Iterator[None]:
    """Within the block ``settings.data_dir`` is ours alone, and everything is there to start. Raises CannotStart."""
    try:
        for directory in (settings.data_dir, settings.run_dir, settings.logs_dir, settings.sockets_dir):
            private_directory(directory)
    except SettingsInvalid as problem:
        raise CannotStart(str(problem)) from problem
    with _locked(settings):
        try:
            _check_room(settings.data_dir, room_mb)
            _check_port("http", settings.http)
            _check_port("edge", settings.edge)
            if settings.edge_tls:
                _check_port("edge_tls", settings.edge_tls)
            yield
        finally:
            shutil.rmtree(settings.sockets_dir, ignore_errors=True)


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    with settings.lock_file.open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read(20).decode(errors="replace").strip() or "unknown"
            raise CannotStart(
                f"{settings.data_dir} is in use by another Shipbook (process {holder}). "
                "Stop that one, or choose another directory with --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n".encode())
        lock.flush()
        yield


def _check_room(directory: Path, room_mb: int) -> None:
    free_mb = shutil.disk_usage(directory).free >> 20
    if free_mb < room_mb:
        raise CannotStart(
            f"The disk of {directory} has {free_mb} MB free; Shipbook needs {room_mb} MB to start. "
            "Free some room, or choose a directory on another disk with --data-dir."
        )


def _check_port(field: str, address: Address) -> None:
    deadline = monotonic() + _PORT_SECONDS
    while problem := bindable(address.host, address.port):
        if problem.errno != errno.EADDRINUSE or monotonic() > deadline:
            why = "is taken by another program" if problem.errno == errno.EADDRINUSE else f"cannot be used: {problem}"
            raise CannotStart(
                f"{address} {why}. Choose another address with --{field.replace('_', '-')} or {variable(field)}."
            )
        sleep(0.05)
