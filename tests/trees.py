"""Directories that change while they are searched: what goes away meanwhile is no error, unlike in ``Path.rglob``."""

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path


def contents(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Every regular file below ``root`` that could be read, with its bytes."""
    for directory, _, names in os.walk(root):
        for file in (Path(directory) / name for name in names):
            try:
                if file.is_file() and not file.is_symlink():
                    yield file, file.read_bytes()
            except FileNotFoundError:
                continue


def named(root: Path, part: str) -> list[Path]:
    """Everything below ``root`` in whose name the part stands."""
    found = (Path(directory, name) for directory, folders, names in os.walk(root) for name in (*folders, *names))
    return [path for path in found if part in path.name]


def control_groups(pattern: str) -> list[str]:
    """The names of this machine's control groups that match."""
    found = (names for _, names, _ in os.walk("/sys/fs/cgroup"))
    return [name for names in found for name in names if fnmatch(name, pattern)]
