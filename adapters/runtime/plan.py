"""What a sandboxed process is to become, as the control plane hands it to the program that becomes it."""

from typing import TypedDict


class Plan(TypedDict):
    """What to run and behind which walls; travels through an anonymous file, never through arguments."""

    command: list[str]
    environment: dict[str, str]
    directory: str
    """Where the command starts, as the command sees it."""
    joins: list[str]
    """The ``cgroup.procs`` files to enter, unless the parent sees to that."""
    rlimits: dict[str, int]
    """By the names of ``resource.RLIMIT_*`` without the prefix."""
    walls: list[str] | None
    """bubblewrap and its arguments; None where the machine has no namespaces."""
    files: dict[str, str]
    """Small files that exist only inside the walls: path to content."""
    user: int | None
    """The user to become where there are no namespaces."""
