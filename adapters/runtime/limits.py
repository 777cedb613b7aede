"""What a build or an application may use, and the kernel's control groups that hold it to it.

Memory, CPU and processes of a whole tree are limited by cgroup v2 where the plane may make groups beside its own,
else by v1 where it may make them below its own, else per process by rlimits.
"""

import asyncio
import contextlib
import os
import signal
import time
from functools import cache
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec

Engine = Literal["cgroup v2", "cgroup v1"]
CONTROLLERS = ("memory", "pids", "cpu")
"""What limits; v1's ``cpuacct`` only counts, in a tree of its own or together with ``cpu``."""
PERIOD = 100_000
"""Microseconds over which a share of the CPU is counted out."""
PREFIX = "shipbook-"
PATIENCE_SECONDS = 2.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that one sandbox may use. None means no limit of this kind."""

    wall_seconds: float | None = 1800
    cpu_seconds: int | None = 3600
    memory_bytes: int | None = 2 << 30
    cpus: float | None = None
    processes: int = 2048
    open_files: int = 16384
    file_bytes: int = 8 << 30
    output_bytes: int | None = 256 << 20

    def rlimits(self, engine: Engine | None, *, alone: bool) -> dict[str, int]:
        """The limits of each process. ``alone``: the tree's processes are counted apart from everyone else's."""
        found = {"NOFILE": self.open_files, "FSIZE": self.file_bytes, "CORE": 0}
        if self.cpu_seconds:
            found["CPU"] = self.cpu_seconds
        if engine is None and self.memory_bytes:
            found["DATA"] = self.memory_bytes
        if engine is None and alone:
            found["NPROC"] = self.processes
        return found


class ControlGroup(msgspec.Struct, frozen=True):
    """One group, by controller: in v2 they share a directory, in v1 each has its own."""

    engine: Engine
    directories: dict[str, Path]

    @property
    def joins(self) -> list[str]:
        """The files into which a process writes its id to enter."""
        return sorted({str(path / "cgroup.procs") for path in self.directories.values()})

    def apply(self, limits: Limits) -> None:
        """Write the limits. A file that this kernel does not have is left out."""
        for controller, settings in _settings(self.engine, limits).items():
            for name, value in settings.items():
                with contextlib.suppress(OSError):
                    _write(self.directories[controller] / name, value)

    @property
    def oom_counter(self) -> Path:
        """The file whose line ``oom_kill`` counts the processes that were killed for want of memory."""
        return self.directories["memory"] / ("memory.events" if self.engine == "cgroup v2" else "memory.oom_control")

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of this group for want of memory."""
        return _counters(self.oom_counter).get("oom_kill", 0) > 0

    def cpu_seconds(self) -> float:
        """The CPU time that this group's processes have used together."""
        if self.engine == "cgroup v2":
            return _counters(self.directories["cpu"] / "cpu.stat").get("usage_usec", 0) / 1e6
        with contextlib.suppress(OSError, KeyError):
            return int((self.directories["cpuacct"] / "cpuacct.usage").read_text()) / 1e9
        return 0.0

    def memory_bytes(self) -> int | None:
        """The memory that this group's processes use, without what could be taken back; None where it is gone."""
        v2 = self.engine == "cgroup v2"
        used, cold = ("memory.current", "inactive_file") if v2 else ("memory.usage_in_bytes", "total_inactive_file")
        with contextlib.suppress(OSError):
            spare = _counters(self.directories["memory"] / "memory.stat").get(cold, 0)
            return max(0, int((self.directories["memory"] / used).read_text()) - spare)
        return None

    def enter(self, pid: int) -> None:
        """Put a process into the group. Waits some 15 ms for the kernel, which first sees to it that nobody forks.

        Raises:
            OSError: The kernel refuses; ``ProcessLookupError`` where the process has ended.
        """
        for path in self.joins:
            _write(Path(path), str(pid))

    def members(self) -> list[int]:
        """The processes inside."""
        with contextlib.suppress(OSError):
            return [int(line) for line in Path(self.joins[0]).read_text().split()]
        return []

    def remove(self) -> bool:
        """Kill what is left inside and take the group away; False when the kernel still holds on to it."""
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for path in set(self.directories.values()):
            with contextlib.suppress(OSError):
                path.rmdir()
        return not any(path.exists() for path in self.directories.values())

    async def dissolve(self) -> None:
        """Remove the group, as soon as the last of its processes has been reaped."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.remove() and time.monotonic() < until:  # noqa: ASYNC110 - the kernel announces nothing
            await asyncio.sleep(0.005)


@cache
def engine() -> Engine | None:
    """The generation of control groups in which this process may make groups with limits, if any."""
    return next((name for name, _ in _candidates()), None)


def group(name: str) -> ControlGroup | None:
    """The group called ``name``, whether it exists or not; None where the machine allows none."""
    for found, directories in _candidates():
        return ControlGroup(found, {key: path / f"{PREFIX}{name}" for key, path in directories.items()})
    return None


def make(name: str, limits: Limits) -> ControlGroup | None:
    """Make the group called ``name`` (or find it again) and give it ``limits``."""
    made = group(name)
    if made is not None:
        for path in set(made.directories.values()):
            path.mkdir(exist_ok=True)
        made.apply(limits)
    return made


def passing() -> str:
    """A name for a group that lives no longer than this process."""
    return f"run-{os.getpid()}-{uuid4().hex[:12]}"


def sweep() -> int:
    """Remove the passing groups of processes that are no more; answers how many."""
    removed = 0
    for found, directories in _candidates():
        for path in directories["memory"].glob(f"{PREFIX}run-*"):
            owner = path.name.removeprefix(f"{PREFIX}run-").split("-")[0]
            if not Path(f"/proc/{owner}").exists():
                ControlGroup(found, {key: base / path.name for key, base in directories.items()}).remove()
                removed += 1
    return removed


@cache
def _candidates() -> list[tuple[Engine, dict[str, Path]]]:
    """Where groups may be made; tried once, by making one."""
    unified, legacy = _own_groups()
    found: list[tuple[Engine, dict[str, Path]]] = []
    # A v2 group with processes of its own may not divide itself, so its parent is asked first.
    shared = [dict.fromkeys(CONTROLLERS, base) for base in (unified and unified.parent, unified) if base]
    found += [("cgroup v2", directories) for directories in shared if _usable("cgroup v2", directories)]
    if legacy.keys() >= set(CONTROLLERS) and _usable("cgroup v1", legacy):
        found.append(("cgroup v1", legacy))
    return found


def _usable(name: Engine, directories: dict[str, Path]) -> bool:
    probe = ControlGroup(name, {key: path / f"{PREFIX}{passing()}" for key, path in directories.items()})
    try:
        if name == "cgroup v2":
            _write(directories["memory"] / "cgroup.subtree_control", " ".join(f"+{key}" for key in CONTROLLERS))
        for path in set(probe.directories.values()):
            path.mkdir()
        for controller, settings in _settings(name, Limits(cpus=1)).items():
            file, value = next(iter(settings.items()))
            _write(probe.directories[controller] / file, value)
    except OSError:
        return False
    else:
        return True
    finally:
        probe.remove()


def _own_groups() -> tuple[Path | None, dict[str, Path]]:
    """This process's own directory in the v2 tree, and in each v1 tree by controller (cgroups(7))."""
    places: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split(" ", 2)
        mounted = Path(left.split(" ")[4])
        if kind == "cgroup2":
            places[""] = mounted
        elif kind == "cgroup":
            places |= {key: mounted for key in options.split(",") if key in (*CONTROLLERS, "cpuacct")}
    own: dict[str, Path] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own |= {key: places[key] / path.lstrip("/") for key in controllers.split(",") if key in places}
    return own.pop("", None), own


def _settings(name: Engine, limits: Limits) -> dict[str, dict[str, int | str]]:
    memory = limits.memory_bytes
    quota = round(limits.cpus * PERIOD) if limits.cpus else None
    if name == "cgroup v2":
        return {
            "memory": {"memory.max": memory or "max", "memory.swap.max": 0, "memory.oom.group": 1},
            "pids": {"pids.max": limits.processes},
            "cpu": {"cpu.max": f"{quota or 'max'} {PERIOD}"},
        }
    return {
        "memory": {"memory.limit_in_bytes": memory or -1, "memory.memsw.limit_in_bytes": memory or -1},
        "pids": {"pids.max": limits.processes},
        "cpu": {"cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": quota or -1},
    }


def _write(path: Path, value: int | str) -> None:
    """Write to a file of the kernel's; a missing one is an error, never made."""
    with path.open("r+") as file:
        file.write(str(value))


def _counters(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    return {key: int(value) for key, value in (line.split() for line in lines)}
