"""The files of a repository, as detection sees them: which there are, and what stands in them."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

LONGEST = 1 << 20
MOST_FILES = 50_000
"""After so many files a walk stops: what decides lies near the top."""
PRUNED = {".git", "node_modules", "bower_components", ".venv", "venv", "__pycache__", ".yarn", ".tox"}
"""Folders that hold nothing of the project's own."""
MOST_STARS = 2

Read = Callable[[str], str | None]


class BuildRefused(Exception):
    """The repository cannot be built as it is; the message says what to change."""


class Tree:
    """Regular files by path, relative to a folder; ``/`` between the parts. What is read is remembered."""

    def __init__(self, paths: frozenset[str], read: Read) -> None:
        self.paths = paths
        self._read = read
        self._texts: dict[str, str | None] = {}
        self._matching: dict[str, list[str]] = {}

    @classmethod
    def of(cls, directory: Path) -> "Tree":
        """The files below a directory of this machine. No link is followed that leads out of it."""
        return cls(frozenset(_walk(directory)), lambda path: content(directory, path))

    @classmethod
    def given(cls, files: Mapping[str, str]) -> "Tree":
        """These files: text by path."""
        return cls(frozenset(files), files.get)

    def has(self, *paths: str) -> str | None:
        """The first of the paths that is a file; None when none is."""
        return next((path for path in paths if path in self.paths), None)

    def text(self, path: str) -> str | None:
        """The text of a file, at most its first MiB; None when there is none."""
        if path not in self.paths:
            return None
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def below(self, folder: str) -> "Tree":
        """The files in a folder, which may be the tree's own: ``""``."""
        if not folder:
            return self
        start = f"{folder}/"
        inside = frozenset(path.removeprefix(start) for path in self.paths if path.startswith(start))
        return Tree(inside, lambda path: self.text(start + path))

    def matching(self, pattern: str) -> list[str]:
        """The files whose whole path matches, ``*`` within one part and ``**`` over any, nearest to the top first."""
        if pattern not in self._matching:
            parts = tuple(pattern.split("/"))
            found = (path for path in self._of_depth(parts) if _matches(tuple(path.split("/")), parts))
            self._matching[pattern] = sorted(found, key=lambda path: (path.count("/"), path))
        return self._matching[pattern]

    def _of_depth(self, parts: tuple[str, ...]) -> Iterable[str]:
        """The files that may match, by their depth."""
        stars = parts.count("**")
        if stars:
            return self.paths if stars <= MOST_STARS else ()
        return (path for path in self.paths if path.count("/") == len(parts) - 1)

    def folders(self) -> list[str]:
        """The names of the folders at the top that are not hidden."""
        found = {path.partition("/")[0] for path in self.paths if "/" in path}
        return sorted(name for name in found if not name.startswith("."))


def content(root: Path, name: str) -> str | None:
    """The text of a file in the repository; None when there is none.

    A link that leads out of ``root`` is none: it would show the repository's owner a file of this machine.
    """
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError):  # links in a circle
        return None
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(LONGEST).decode(errors="replace")


def joined(*parts: str) -> str:
    """A path of these, without empty ones."""
    return "/".join(part for part in parts if part)


def _walk(directory: Path) -> Iterator[str]:
    left = MOST_FILES
    for place, folders, files in os.walk(directory):
        folders[:] = sorted(name for name in folders if name not in PRUNED)
        inside = PurePosixPath(os.path.relpath(place, directory))
        for name in sorted(files)[:left]:
            yield str(inside / name)
        left -= len(files)
        if left <= 0:
            return


def _matches(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Part by part, as a pattern of a repository's own may not take for ever."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_matches(path[start:], pattern[1:]) for start in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])
