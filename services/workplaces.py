"""Where an executor builds: a directory of its own, which the next executor clears away when this one was killed."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from adapters.runtime.sandbox import remove_tree
from domain.identifiers import uuid7

LOCK = "lock"


@asynccontextmanager
async def workplace(root: Path) -> AsyncIterator[Path]:
    """A directory below ``root`` for this process alone, gone afterwards; those of dead processes go at once."""
    await asyncio.to_thread(_clear_dead, root)
    place = root / uuid7()
    place.mkdir(parents=True)
    with _locked(place):
        try:
            yield place
        finally:
            await asyncio.shield(asyncio.to_thread(remove_tree, place))


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Whoever lives holds this lock; the kernel takes it from the dead. Raises BlockingIOError."""
    with (place / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _clear_dead(root: Path) -> None:
    for place in root.iterdir() if root.is_dir() else ():
        with suppress(BlockingIOError, FileNotFoundError), _locked(place):
            remove_tree(place)
