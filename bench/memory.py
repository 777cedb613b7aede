"""The memory of an idle plane, part by part."""

from dataclasses import dataclass
from pathlib import Path
from time import sleep

import psutil

from bench.planes import Plane, measured
from bench.results import Figure, Finding, at_most

PARTS = ("postgres", "nats", "caddy", "edge", "worker", "api", "executor")


@dataclass(frozen=True)
class Memory:
    """Proportional set sizes in kB (proc_pid_smaps(5)): memory that several share is divided among them."""

    anonymous: int = 0
    files: int = 0
    shared: int = 0
    """Shared memory; in PostgreSQL's processes its shared buffers, as far as they were touched."""

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.anonymous + other.anonymous, self.files + other.files, self.shared + other.shared)

    @property
    def own(self) -> int:
        """Everything but shared memory."""
        return self.anonymous + self.files


def run(*, quick: bool) -> Finding:
    """A plane on which nothing was deployed."""
    idle = 2 if quick else 20
    with measured() as (plane, _):
        sleep(idle)
        found = {"supervisor": _of(_supervisor(plane)), **{part: _tree(plane, part) for part in PARTS}}
    total = sum(found.values(), Memory())
    figures = [_figure(name, memory) for name, memory in found.items()]
    figures += [
        _figure("all", total),
        Figure("all, anonymous memory alone", f"{total.anonymous / 1024:.0f} MB"),
        at_most("all without shared buffers", total.own / 1024, 250, "MB"),
    ]
    how = (
        f"The proportional set size (`smaps_rollup`) of every process of the plane, {idle} s after it was ready, with "
        "nothing deployed. Pages of programs and libraries count as files, and are divided among those that use them, "
        "also outside the plane."
    )
    return Finding("memory of the idle plane", how, figures)


def _figure(name: str, memory: Memory) -> Figure:
    split = f"{memory.anonymous / 1024:.0f} anonymous, {memory.files / 1024:.0f} files"
    shared = f", and {memory.shared / 1024:.0f} MB shared" if memory.shared > 1024 else ""
    return Figure(name, f"{memory.own / 1024:.0f} MB ({split}){shared}")


def _supervisor(plane: Plane) -> psutil.Process:
    assert plane.process
    return psutil.Process(plane.process.pid)


def _tree(plane: Plane, part: str) -> Memory:
    pid = plane.pid(part)
    assert pid, f"{part} does not run"
    process = psutil.Process(pid)
    return sum(map(_of, [process, *process.children(recursive=True)]), Memory())


def _of(process: psutil.Process) -> Memory:
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in text)}
    return Memory(sizes["Pss_Anon"], sizes["Pss_File"], sizes["Pss_Shmem"])
