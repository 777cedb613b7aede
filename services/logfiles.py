"""A log file that never grows beyond a bound."""

from contextlib import suppress
from pathlib import Path

FILE_BYTES = 10 << 20
KEPT_FILES = 3


class RotatingFile:
    """Appends to ``path``; when it is full it becomes ``<name>.1``, that one ``<name>.2``, and the oldest is removed.

    A disk without room loses lines and nothing else.
    """

    def __init__(self, path: Path, *, file_bytes: int = FILE_BYTES, kept_files: int = KEPT_FILES) -> None:
        self._path = path
        self._file_bytes = file_bytes
        self._kept_files = kept_files
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        with suppress(OSError):
            if self._file.tell() + len(data) > self._file_bytes:
                self._rotate()
            self._file.write(data)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _rotate(self) -> None:
        for number in range(self._kept_files, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            with suppress(FileNotFoundError):
                newer.replace(older)
        self._file.close()
        self._file = self._path.open("ab", buffering=0)
