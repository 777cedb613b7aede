"""How much an application uses at this moment: what its control group counts, or else its processes one by one."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from adapters.runtime.launch import children
from adapters.runtime.limits import ControlGroup

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage(msgspec.Struct, frozen=True):
    """CPU time since the application's beginning, in seconds, and memory without what could be given back."""

    cpu_seconds: float
    memory_bytes: int


def usage_of(group: ControlGroup | None, pid: int) -> Usage | None:
    """What the processes use that belong to ``group``, or else descend from ``pid``; None where there are none."""
    memory = group.memory_bytes() if group else None
    if group and memory is not None:
        return Usage(group.cpu_seconds(), memory)
    found = [one for one in map(_of_process, _tree(pid)) if one]
    return Usage(sum(one.cpu_seconds for one in found), sum(one.memory_bytes for one in found)) if found else None


def _tree(pid: int) -> list[int]:
    below = [one for child in children(pid) for one in _tree(child)]
    return [pid, *below]


def _of_process(pid: int) -> Usage | None:
    """See proc_pid_stat(5) and proc_pid_statm(5). Memory that processes share is counted once for each."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        own, waited_for = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        return Usage((own + waited_for) / _TICKS, resident * _PAGE)
    return None
