"""Clocks that jump: libfaketime below one process, whose clock then stands wherever a file says (``faketime(1)``)."""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import CalledProcessError

from bench.peers.installing import debian
from services.plane import OWN

HOUR = 3600
YEAR = 365 * 24 * HOUR
JUMPS = (HOUR, -HOUR, 10 * YEAR, -10 * YEAR)
"""Seconds."""

NOTICED_SECONDS = 1
"""So late a process notices that its clock was set, at the most."""

_SITE = Path(__file__).parent / "clocked_site"
_LIBRARY = "usr/lib/*/faketime/libfaketimeMT.so.1"


@cache
def libfaketime() -> Path:
    """The library: Debian's package if it is installed here, else unpacked from Debian, once."""
    if found := _below(Path("/")):
        return found
    try:
        unpacked = debian("libfaketime")
    except (OSError, CalledProcessError) as problem:
        raise AssertionError(
            f"No clock can be set without libfaketime. apt-get install libfaketime ({problem})"
        ) from problem
    found = _below(unpacked)
    assert found, f"Debian's package libfaketime holds no {_LIBRARY}"
    return found


def _below(root: Path) -> Path | None:
    return next(root.glob(_LIBRARY), None)


@dataclass(frozen=True)
class Clocks:
    """The clocks of a plane's own processes, each in a file of its own."""

    directory: Path

    @property
    def launcher(self) -> tuple[str, ...]:
        """What starts a plane whose clocks these are."""
        return (sys.executable, "-m", "tests.faults.clocked", str(self.directory))

    def environ(self, part: str) -> dict[str, str]:
        """What a part is started with so that its clock can be set."""
        return {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self.directory / part),
            "FAKETIME_CACHE_DURATION": str(NOTICED_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # as it is with a real clock: only the time of day is set
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_SITE), os.environ.get("PYTHONPATH")])),
        }

    def wind(self, part: str, seconds: int) -> None:
        """Let the part's clock differ from the machine's by so much, at once."""
        growing = self.directory / f".{part}"
        growing.write_text(f"{seconds:+d}")
        growing.replace(self.directory / part)

    def right(self) -> None:
        """Let every clock show the machine's time."""
        self.directory.mkdir(exist_ok=True)
        for part in OWN:
            self.wind(part, 0)
