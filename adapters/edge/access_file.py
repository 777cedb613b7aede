"""Reading what Caddy writes of requests, from a kept position on, through all the files that it rolled.

Caddy appends to one file, at times renames it and begins another, and deletes the oldest: so the files are a buffer of
a bounded size, and no request ever waits for whoever reads them.
"""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, NamedTuple

import msgspec

from adapters.edge.caddy import ACCESS_LOG

FAR = 1 << 40
"""Further than any file is long, in bytes."""
_HEAD_BYTES = 64
"""So many bytes tell a file from all others: they hold the first request's time. Inodes are used again."""


class Position(msgspec.Struct, frozen=True):
    """Where the reader stands: ``read`` bytes into the file that begins with ``head``, whose first byte is the
    ``base``-th of all. ``source`` names the series of files; whoever loses its position begins another series."""

    source: str
    head: str = ""
    base: int = 0
    read: int = 0


class Block(NamedTuple):
    """Whole lines. ``offset`` is the place of the first byte among all that was ever written; ``behind`` says how many
    files wait to be read; ``gap``: something was written before that is gone, and nobody has read it."""

    data: bytes
    offset: int
    behind: int
    gap: bool


class AccessFile:
    """The files of one Caddy in ``directory``. Its methods touch the disk, and belong in a thread."""

    def __init__(self, directory: Path) -> None:
        """Nothing is opened until something is read."""
        self._log = directory / ACCESS_LOG
        self._kept = directory / "access.position"
        self._position = self._kept_position()
        self._file: IO[bytes] | None = None
        self._base = self._read = 0
        self._gap = False

    @property
    def source(self) -> str:
        """A name for the series of files."""
        return self._position.source

    def read(self, most: int) -> Block | None:
        """The following whole lines, up to ``most`` bytes; None where there are none yet."""
        file = self._file or self._begin()
        while file:
            followers, lost = self._followers(file)  # before the file is read: what comes later may be in another one
            if block := self._block(file, most, len(followers)):
                return block
            if not followers:
                return None
            self._gap = lost
            file = self._open(followers[0], self._base + os.fstat(file.fileno()).st_size)
        return None

    def keep(self) -> None:
        """Keep the position: what was read up to here is dealt with."""
        growing = self._kept.with_suffix(".new")
        growing.write_bytes(msgspec.json.encode(self._position))
        growing.replace(self._kept)

    def close(self) -> None:
        """Read no more."""
        if self._file:
            self._file.close()
        self._file = None

    def _kept_position(self) -> Position:
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(self._kept.read_bytes(), type=Position)
        return Position(source=token_hex(4))

    def _files(self) -> list[Path]:
        """All files, the oldest first: the names of those that were rolled tell when."""
        rolled = sorted(self._log.parent.glob(f"{self._log.stem}-*{self._log.suffix}"))
        return [*rolled, self._log]

    def _begin(self) -> IO[bytes] | None:
        """Open the file that was left off in, or else the oldest that is left."""
        at, files = self._position, [path for path in self._files() if path.exists()]
        left = next((path for path in files if at.head and _head(path) == at.head), None)
        if left:
            return self._open(left, at.base, at.read)
        self._gap = bool(at.head and files)
        return self._open(files[0], at.base + FAR) if files else None

    def _followers(self, file: IO[bytes]) -> tuple[list[Path], bool]:
        """The files that were begun after this one; and whether it was deleted, as some of them may be then."""
        inode = os.fstat(file.fileno()).st_ino
        if _inode(self._log) == inode:
            return [], False
        files = self._files()
        inodes = [_inode(path) for path in files]
        lost = inode not in inodes
        return [path for path in files[0 if lost else inodes.index(inode) + 1 :] if path.exists()], lost

    def _open(self, path: Path, base: int, read: int = 0) -> IO[bytes] | None:
        self.close()
        with suppress(FileNotFoundError):  # it was renamed or deleted in this very moment; there is a next one
            self._file = path.open("rb")
            self._file.seek(read)
            self._base, self._read = base, read
        return self._file

    def _block(self, file: IO[bytes], most: int, behind: int) -> Block | None:
        data = file.read(most)
        whole = data[: data.rfind(b"\n") + 1]
        file.seek(self._read + len(whole))
        if not whole:
            return None
        head = self._position.head if self._read else _text(whole)
        offset, self._read = self._base + self._read, self._read + len(whole)
        self._position = Position(source=self.source, head=head, base=self._base, read=self._read)
        gap, self._gap = self._gap, False
        return Block(whole, offset, behind, gap)


def _text(data: bytes) -> str:
    return data[:_HEAD_BYTES].decode("latin-1")


def _head(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return _text(file.read(_HEAD_BYTES))
    except FileNotFoundError:
        return None


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
