"""What each supervised program is doing, as one small file each, so that any process can tell (``GET /health``)."""

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

WRITE_AGAIN_SECONDS = 0.5


class State(StrEnum):
    """What a part is doing."""

    WAITING = "waiting"
    """For those that it needs."""
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    """It ended by itself, and is started again after a pause."""
    STOPPED = "stopped"


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """A supervised program: what it is doing since when, and how often it was started again."""

    name: str
    state: State
    since: datetime
    pid: int | None = None
    restarts: int = 0


def read_parts(run_dir: Path) -> list[Part]:
    """Every part in the order of starting; none where nothing is supervised. What has no process is stopped."""
    return [_seen(msgspec.json.decode(file.read_bytes(), type=Part)) for file in sorted(run_dir.glob("*.json"))]


def _seen(part: Part) -> Part:
    """The file of a supervisor that was killed says what was, not what is."""
    gone = part.pid is not None and not _runs(part.pid)
    return msgspec.structs.replace(part, state=State.STOPPED, pid=None) if gone else part


def _runs(pid: int) -> bool:
    """A process that has ended but was not waited for has no command line (proc(5))."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def clear_parts(run_dir: Path) -> None:
    """Forget what an earlier supervisor left."""
    for old in run_dir.iterdir():
        if old.is_file():
            old.unlink()


def say_ready(run_dir: Path, name: str) -> None:
    """Tell whoever supervises us that the part ``name``, which we are, serves from now on."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _ready_file(run_dir, name).touch()


def said_ready(run_dir: Path, name: str) -> bool:
    """Whether the part has said so since the last ``forget_ready``."""
    return _ready_file(run_dir, name).exists()


def forget_ready(run_dir: Path, name: str) -> None:
    """The part is about to start."""
    _ready_file(run_dir, name).unlink(missing_ok=True)


class Isolation(msgspec.Struct, frozen=True):
    """What keeps builds and applications from the rest of the machine: ``whole``, or less, as ``sentence`` says."""

    whole: bool
    sentence: str


def say_isolation(run_dir: Path, isolation: Isolation) -> None:
    """Tell ``GET /health`` what the executor's machine allows."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    growing = run_dir / f"{_ISOLATION}.new"
    growing.write_bytes(msgspec.json.encode(isolation))
    growing.replace(run_dir / _ISOLATION)


def read_isolation(run_dir: Path) -> Isolation | None:
    """What the executor of this machine said, if there is one."""
    try:
        return msgspec.json.decode((run_dir / _ISOLATION).read_bytes(), type=Isolation)
    except FileNotFoundError:
        return None


_ISOLATION = "isolation"


def _ready_file(run_dir: Path, name: str) -> Path:
    return run_dir / f"{name}.ready"


class PartFile:
    """Keeps the file of one part; ``place`` is its place in the order of starting. Belongs to an event loop.

    A disk without room stops nobody: what cannot be written is written as soon as it can be.
    """

    def __init__(self, run_dir: Path, place: int, name: str) -> None:
        self._file = run_dir / f"{place:02}-{name}.json"
        self.part = Part(name=name, state=State.WAITING, since=datetime.now(UTC))
        self._write()

    def become(self, state: State, *, pid: int | None = None, restarts: int | None = None) -> None:
        """The part is doing something else from now on."""
        counted = self.part.restarts if restarts is None else restarts
        self.part = Part(name=self.part.name, state=state, since=datetime.now(UTC), pid=pid, restarts=counted)
        self._write_until_done()

    def _write_until_done(self) -> None:
        try:
            self._write()
        except OSError:
            asyncio.get_running_loop().call_later(WRITE_AGAIN_SECONDS, self._write_until_done)

    def _write(self) -> None:
        growing = self._file.with_suffix(".new")
        growing.write_bytes(msgspec.json.encode(self.part))
        growing.replace(self._file)
