"""Which process is meant: a bare pid is used again, so its start time and the machine's boot belong to it.

Only the standard library: keepers use it too.
"""

from functools import cache
from pathlib import Path


def identify(pid: int) -> str | None:
    """The name of a live process that no other will ever have; None when it is gone or a zombie."""
    try:
        # The second field is the program's name in parentheses and may hold anything (proc_pid_stat(5)).
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{pid}.{fields[19]}.{_boot()}"


def alive(name: str | None) -> bool:
    """Whether the process of that name still runs."""
    return bool(name) and identify(pid_of(str(name))) == name


def pid_of(name: str) -> int:
    """The pid in a process's name."""
    return int(name.partition(".")[0])


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
