"""What is asked of a runtime, and what it answers: the words that every runtime shares."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from adapters.runtime.limits import Limits
from adapters.runtime.sandbox import Toolchain

SERVING = Limits(
    wall_seconds=None, cpu_seconds=None, memory_bytes=512 << 20, cpus=1.0, processes=512, output_bytes=None
)
"""The limits of an application that nobody gave any."""


class InstanceRefused(Exception):
    """The instance cannot be started; the message says what to change."""


class InstanceState(StrEnum):
    """How an instance stands."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    """It ended and will be started again in a moment."""
    STOPPED = "stopped"
    LOST = "lost"
    """Its keeper was killed, and the application with it. Starting it again revives it."""


class InstanceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One running copy of a release, as it shall be."""

    instance_id: str
    release_id: str
    tenant_id: str
    environment_id: str
    artifact: Path
    """The tree that appears as ``/app``."""
    own: bool = False
    """The tree is this instance's alone: what it writes there stays there."""
    start_command: str
    """For ``sh -c``."""
    port: int | None = None
    """Given if it is free; else, and by default, any free port. The application finds it in ``PORT``."""
    environment: Mapping[str, str] = {}
    toolchains: tuple[Toolchain, ...] = ()
    programs: tuple[str, ...] = ()
    """Directories below ``/app`` whose programs are found first."""
    directory: str = ""
    """Where the command starts, below ``/app``."""
    limits: Limits = SERVING

    def __repr__(self) -> str:
        """The variables are secrets and stay out."""
        return f"InstanceSpec(instance_id={self.instance_id!r}, release_id={self.release_id!r})"


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One running copy of a release, as it stands."""

    instance_id: str
    release_id: str
    tenant_id: str
    environment_id: str
    host: str
    port: int
    state: InstanceState
    pid: int | None
    """The first process of its sandbox, while it runs."""
    restarts: int
    exit_code: int | None
    """Of the last run that ended."""
    started_at: float
    """Of the last run, in seconds since 1970."""
