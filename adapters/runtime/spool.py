"""What an application prints, masked, and kept on disk in a bounded number of segments until somebody reads it.

A segment is named after the offset of its first byte in the whole of the output, so an offset stays good when older
segments go and when writer or reader start again. A line is ``<microseconds since 1970> <o|e|s> <text>``.
Only the standard library: keepers write with it.
"""

import os
import time
from pathlib import Path
from typing import NamedTuple

from adapters.masking import Masks

SEGMENT_BYTES = 1 << 20
MOST_BYTES = 16 << 20
LONGEST = 16 << 10
"""A longer line is split."""
NO_MASKS = Masks()
STREAMS = {"o": "stdout", "e": "stderr", "s": "system"}


class SpoolLine(NamedTuple):
    """One line of an application. Reading on after ``offset`` gives the next; ``at`` is in seconds since 1970."""

    offset: int
    at: float
    stream: str
    """``stdout``, ``stderr``, ``system`` (the keeper's own words) or ``gap`` (lines were dropped here)."""
    text: str


class Spool:
    """Reads the spool in ``directory``, from wherever the reader stopped the last time."""

    def __init__(self, directory: Path) -> None:
        """Nothing is opened until something is read."""
        self._directory = directory

    def read(self, after: int = 0, lines: int = 1000) -> list[SpoolLine]:
        """The next whole lines after the offset, at most ``lines``; empty when there is nothing yet.

        Lines that were dropped before anybody read them appear as one line of the stream ``gap``.
        """
        found: list[SpoolLine] = []
        for start, path in segments(self._directory):
            end = start + _size(path)
            if end <= after or len(found) >= lines:
                continue
            if start > after:
                found.append(_gap(after, start))
                after = start
            found += _lines(path, start, after, lines - len(found))
            after = found[-1].offset if found else after
        return found

    def tail(self, lines: int = 50) -> list[SpoolLine]:
        """The last whole lines, for an error message."""
        found: list[SpoolLine] = []
        for start, path in reversed(segments(self._directory)):
            found = _lines(path, start, start, MOST_BYTES) + found
            if len(found) >= lines:
                break
        return found[-lines:]


class SpoolWriter:
    """Appends to the spool in ``directory``; the one writer is the instance's keeper."""

    def __init__(
        self,
        directory: Path,
        masks: Masks = NO_MASKS,
        segment_bytes: int = SEGMENT_BYTES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Go on where an earlier writer stopped; half a line that it left is cut off."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._segment_bytes, self._most_bytes = directory, segment_bytes, most_bytes
        self._masked = {stream: masks.stream() for stream in "oe"}
        self._rest: dict[str, bytes] = {}
        self._open(_mended_end(directory))

    def feed(self, stream: str, piece: bytes) -> None:
        """Take a piece of output of ``o`` or ``e``; its last line may be unfinished."""
        *whole, rest = (self._rest.pop(stream, b"") + self._masked[stream].feed(piece)).split(b"\n")
        while len(rest) > LONGEST:
            whole.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        if rest:
            self._rest[stream] = rest
        self._append(stream, whole)

    def finish(self) -> None:
        """Write the unfinished last lines: no more will come."""
        for stream, masked in self._masked.items():
            if rest := self._rest.pop(stream, b"") + masked.end():
                self._append(stream, [rest])

    def say(self, text: str) -> None:
        """Add a line of the keeper's own."""
        self._append("s", [text.encode()])

    def _append(self, stream: str, lines: list[bytes]) -> None:
        head = b"%d %b " % (time.time_ns() // 1000, stream.encode())
        pieces = [line[at : at + LONGEST] for line in lines for at in range(0, max(len(line), 1), LONGEST)]
        for index in range(0, len(pieces), 256):
            self._write(b"".join(head + piece + b"\n" for piece in pieces[index : index + 256]))

    def _write(self, content: bytes) -> None:
        if self._written >= self._segment_bytes:
            os.close(self._file)
            self._open(self._start + self._written)
            self._drop_oldest()
        try:
            self._written += os.write(self._file, content)
        except OSError:  # a full disk must not end an application that serves
            return

    def _open(self, start: int) -> None:
        path = self._directory / f"{start:020}.log"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._start, self._written = start, os.fstat(self._file).st_size

    def _drop_oldest(self) -> None:
        kept = segments(self._directory)
        while len(kept) > 1 and self._start - kept[0][0] > self._most_bytes - self._segment_bytes:
            kept.pop(0)[1].unlink(missing_ok=True)


def segments(directory: Path) -> list[tuple[int, Path]]:
    """The segments by the offset where each begins, oldest first."""
    return sorted((int(path.stem), path) for path in directory.glob("*.log"))


def _mended_end(directory: Path) -> int:
    """Where the last segment starts, after cutting off half a line at its end; 0 when there is none."""
    found = segments(directory)
    if not found:
        return 0
    start, path = found[-1]
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)
    return start


def _lines(path: Path, start: int, after: int, most: int) -> list[SpoolLine]:
    found: list[SpoolLine] = []
    try:
        with path.open("rb") as file:
            file.seek(after - start)
            for line in file:
                if len(found) >= most or not line.endswith(b"\n"):
                    break
                after += len(line)
                at, stream, text = line[:-1].split(b" ", 2)
                name = STREAMS[stream.decode()]
                found.append(SpoolLine(after, int(at) / 1e6, name, text.decode(errors="replace")))
    except FileNotFoundError:  # dropped by the writer meanwhile; the next reading sees the gap
        return found
    return found


def _gap(after: int, start: int) -> SpoolLine:
    text = f"{start - after:,} bytes of output were dropped here: more was printed than could be kept."
    return SpoolLine(start, time.time(), "gap", text)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
