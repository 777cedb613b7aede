"""What package managers fetched, kept between the builds of one project on this machine; bounded, and swept.

A cache is one project's, and so never another workspace's: whoever builds may write into it. Builds of the same project
share it; a sweep takes only what nobody uses.
"""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import uuid4

from adapters.runtime.sandbox import remove_tree

LOCK = "lock"
"""Held by the builds that use a cache; its time is that of the last use."""
FILES = "files"
DROPPED = ".dropped-"
UNUSED_SECONDS = 30 * 86_400
"""So long a cache is kept that no build uses."""


class CacheLimits(NamedTuple):
    """The most, in bytes, that one project's cache and all of them may hold once they are swept."""

    each: int
    all: int


class _Cache(NamedTuple):
    place: Path
    used_at: float
    bytes: int


class Caches:
    """The caches in ``directory``."""

    def __init__(self, directory: Path, limits: CacheLimits) -> None:
        self._directory = directory
        self._limits = limits

    @asynccontextmanager
    async def of(self, project_id: str) -> AsyncIterator[Path]:
        """The project's cache, which is not swept within the block."""
        place = self._directory / project_id
        lock = await asyncio.to_thread(_shared, place)
        try:
            yield place / FILES
        finally:
            os.utime(lock.fileno())
            lock.close()

    def sweep(self) -> int:
        """Drop what was not used for long, what has grown too large, and the longest unused of too many.

        Answers how many caches were dropped. Blocks, and walks all of them.
        """
        found = sorted((_measured(place) for place in self._places()), key=lambda cache: cache.used_at)
        left = sum(cache.bytes for cache in found)
        dropped = 0
        for cache in found:
            unused = time.time() - cache.used_at > UNUSED_SECONDS
            if (unused or cache.bytes > self._limits.each or left > self._limits.all) and _dropped(cache.place):
                left -= cache.bytes
                dropped += 1
        return dropped

    def _places(self) -> list[Path]:
        """Every cache; what a sweep that was killed left behind goes at once."""
        found = [place for place in self._directory.iterdir() if place.is_dir()] if self._directory.is_dir() else []
        for place in found:
            if place.name.startswith(DROPPED):
                remove_tree(place)
        return [place for place in found if not place.name.startswith(DROPPED)]


def _shared(place: Path) -> BinaryIO:
    """The lock of a cache, which may have to be made; a sweep may drop it before it is locked."""
    while True:
        place.mkdir(parents=True, exist_ok=True)
        try:
            lock = (place / LOCK).open("ab")
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_SH)
        if _is_there(lock, place):
            return lock
        lock.close()


def _dropped(place: Path) -> bool:
    """Drop a cache, unless somebody uses it."""
    try:
        lock = (place / LOCK).open("ab")
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        aside = place.with_name(f"{DROPPED}{uuid4().hex}")
        if _is_there(lock, place):
            place.rename(aside)  # so that nobody can take it up half deleted
            remove_tree(aside)
        return True


def _is_there(lock: BinaryIO, place: Path) -> bool:
    """Whether the lock is the one that others would find."""
    try:
        ours, found = os.fstat(lock.fileno()), (place / LOCK).stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (found.st_dev, found.st_ino)


def _measured(place: Path) -> _Cache:
    try:
        used_at = (place / LOCK).stat().st_mtime
    except FileNotFoundError:
        used_at = 0.0
    return _Cache(place, used_at, _bytes(place))


def _bytes(tree: Path) -> int:
    total = 0
    for _, _, files, directory in os.fwalk(tree):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(name, dir_fd=directory, follow_symlinks=False).st_blocks * 512
    return total
