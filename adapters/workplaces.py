"""Where a process works on files: a directory of its own, which the next one clears away when this one was killed."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.runtime.sandbox import remove_tree
from domain.identifiers import uuid7

LOCK = "lock"


@asynccontextmanager
async def workplace(root: Path) -> AsyncIterator[Path]:
    """A directory below ``root`` for this caller alone, gone afterwards; those of dead processes go at once."""
    await asyncio.to_thread(clear_dead, root)
    place, lock = await asyncio.to_thread(_claim, root)
    with lock:
        try:
            yield place
        finally:
            await asyncio.shield(asyncio.to_thread(remove_tree, place))


def _claim(root: Path) -> tuple[Path, BinaryIO]:
    """A directory with its lock. Whoever clears away may take one for dead before it is locked: then it is another."""
    while True:
        place = root / uuid7()
        place.mkdir(parents=True)
        lock = _locked(place)
        if lock:
            return place, lock


def _locked(place: Path) -> BinaryIO | None:
    """Whoever lives holds this lock; the kernel takes it from the dead. None where it is held, or the place is gone."""
    try:
        lock = (place / LOCK).open("wb")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (place / LOCK).stat()
    except (BlockingIOError, FileNotFoundError):
        lock.close()
        return None
    return lock


def clear_dead(root: Path) -> int:
    """Remove the directories below ``root`` whose processes are no more; answers how many."""
    cleared = 0
    for place in root.iterdir() if root.is_dir() else ():
        lock = _locked(place)
        if lock:
            with lock:
                remove_tree(place)
            cleared += 1
    return cleared
