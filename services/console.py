"""What a command shows: tables, log lines and notes for people, or JSON for programs, and never both."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

import msgspec
from rich.console import Console as Terminal
from rich.table import Table
from rich.text import Text

from services.control_sequences import cleaned

STYLES = {
    "succeeded": "green",
    "active": "green",
    "ok": "green",
    "failed": "red",
    "running": "cyan",
    "queued": "yellow",
    "cancelled": "yellow",
    "waiting": "magenta",
    "rejected": "yellow",
    "superseded": "yellow",
}
"""Words that are shown in a colour of their own, wherever they are a whole cell."""


class Console:
    """Results go to ``out``, everything else to ``errors``. With ``as_json`` nothing but JSON goes to ``out``.

    Not a terminal, ``NO_COLOR`` or ``TERM=dumb``: no colours, nothing that moves.
    """

    def __init__(self, *, as_json: bool = False, out: TextIO | None = None, errors: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out = out or sys.stdout
        self._terminal = Terminal(file=self._out, force_terminal=self._out.isatty(), highlight=False)
        error_file = errors or sys.stderr
        self._errors = Terminal(file=error_file, force_terminal=error_file.isatty(), highlight=False)

    @property
    def lively(self) -> bool:
        """Whether people watch: then relative times, colours and spinners help."""
        return self._terminal.is_terminal and not self.as_json

    @property
    def _colours(self) -> bool:
        return self._terminal.is_terminal and not self._terminal.no_color

    def document(self, value: object) -> None:
        """``value`` as a line of JSON, when that was asked for."""
        if self.as_json:
            self._out.write(msgspec.json.encode(value).decode() + "\n")
            self._out.flush()

    def say(self, text: str = "", style: str = "") -> None:
        """A line of the result for people."""
        if not self.as_json:
            self._terminal.print(Text(text, style), soft_wrap=True)

    def log(self, text: str, style: str = "") -> None:
        """A line that a program of the customer wrote: verbatim, but for what steers the terminal."""
        if self.as_json:
            return
        if style and self._colours:
            self._terminal.print(Text(cleaned(text), style), soft_wrap=True)
        else:
            self._out.write(cleaned(text, colours=self._colours) + "\n")
            self._out.flush()

    def note(self, text: str, style: str = "") -> None:
        """A line beside the result: a warning, a hint, an error."""
        self._errors.print(Text(text, style), soft_wrap=True)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
        """``rows`` in columns; ``empty`` says that there are none."""
        if self.as_json:
            return
        clean = [[cleaned(cell) for cell in row] for row in rows]
        if not clean:
            self.note(empty)
        elif self.lively:
            self._terminal.print(_rich_table(headings, clean))
        else:
            self._out.write(_plain_table(headings, clean))
            self._out.flush()

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A spinner for the length of the block, where people watch."""
        if self.lively:
            with self._terminal.status(Text(text)):
                yield
        else:
            yield


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*headings, box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in row))
    return table


def _plain_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(line.rstrip() + "\n" for line in padded)


def duration(seconds: float) -> str:
    """``0.4 s``, ``12.3 s``, ``2 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def age(at: datetime | None, at_now: datetime | None = None) -> str:
    """How long ago ``at`` was, in the largest unit that fits."""
    if at is None:
        return ""
    seconds = max(0.0, ((at_now or datetime.now(UTC)) - at).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def size(count: float) -> str:
    """Bytes as people read them: ``812 B``, ``1.4 MB``."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
