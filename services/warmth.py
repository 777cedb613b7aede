"""Which replaced releases stay warm: their instances run on, without requests, so that a rollback finds them running.

One release an environment, the one that was replaced last, for a bounded time, and none where the machine is short of
memory. All follows from the read model and the machine, so it needs no memory of its own. A warm instance costs what
its application takes, at the most its memory limit.
"""

from dataclasses import dataclass
from pathlib import Path

from commands.ports import Clock
from domain.identifiers import ReleaseId
from projections.environments import EnvironmentRow

SPARE_SHARE = 0.15
"""Of the machine's memory so much must be available, or nothing is kept warm."""


@dataclass(frozen=True)
class Warmth:
    """``seconds`` of warmth after a release was replaced; 0 keeps none. ``meminfo``: see proc_meminfo(5)."""

    seconds: float
    clock: Clock
    meminfo: Path = Path("/proc/meminfo")

    def release(self, row: EnvironmentRow) -> ReleaseId | None:
        """The release of the environment that is kept warm at this moment, if any."""
        if row.replaced_at is None:
            return None
        # Whichever way the clock jumps, the bound holds.
        since = abs((self.clock.now() - row.replaced_at).total_seconds())
        return row.former_release_id if since < self.seconds and self._spare() else None

    def _spare(self) -> bool:
        """Whether the machine has memory to spare."""
        lines = (line.split() for line in self.meminfo.read_text().splitlines())
        found = {words[0]: int(words[1]) for words in lines}
        return found["MemAvailable:"] >= SPARE_SHARE * found["MemTotal:"]
