"""What a bench found, and the file that keeps the newest finding of each: ``bench/RESULTS.md``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parent / "RESULTS.md"

_HEAD = """# Results

What `make bench` measured on one machine; `make bench B=name` renews one section. Ratios compare two ways of doing the
same on the same machine, round by round, so they travel; absolute figures belong to the machine that is named. L0 is
fdatasync/s (`pg_test_fsync`), L1 one-row INSERT + COMMIT/s at 1 and 16 connections, L2 rows/s of a binary COPY, L3
writes/s of an encoded frame to 100 sockets that another process reads, L4 requests/s of a Litestar route that does
nothing, asked over 16 connections, and L5 the median time until NATS acknowledges a published message.
"""


@dataclass(frozen=True)
class Figure:
    """One row of a table. ``met`` is None where no goal was set."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None

    def row(self) -> str:
        """The row in Markdown."""
        verdict = {True: "met", False: "**missed**", None: ""}[self.met]
        return f"| {self.what} | {self.measured} | {self.goal} | {verdict} |"


@dataclass(frozen=True)
class Finding:
    """What one bench found: ``how`` it was measured, in sentences, the figures, and notes that explain them."""

    title: str
    how: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default_factory=tuple)

    def section(self, name: str, machine: str) -> str:
        """The section of the bench ``name``, measured on ``machine``."""
        table = ["| what | measured | goal | |", "|---|---|---|---|", *(figure.row() for figure in self.figures)]
        parts = [f"## {name}: {self.title}", self.how, "\n".join(table), *self.notes, f"*{machine}*"]
        return "\n\n".join(parts) + "\n"


def at_most(what: str, value: float, goal: float, unit: str = "") -> Figure:
    """A figure that should not be more than ``goal``; one without a unit is a ratio and shown with decimals."""
    shown, wanted = (f"{number:,.0f} {unit}" if unit else f"{number:.2f}" for number in (value, goal))
    return Figure(what, shown, f"≤ {wanted}", value <= goal)


def at_least(what: str, value: float, goal: float, unit: str = "") -> Figure:
    """A figure that should not be less than ``goal``; small ones are ratios and shown with decimals."""
    shown, wanted = (f"{number:,.0f}" if number >= 100 else f"{number:.2f}" for number in (value, goal))
    return Figure(what, f"{shown} {unit}".strip(), f"≥ {wanted} {unit}".strip(), value >= goal)


def keep(file: Path, name: str, section: str) -> None:
    """Put ``section`` in the place of the bench's earlier one; the others stay as they are."""
    found = re.split(r"^(?=## )", file.read_text(), flags=re.MULTILINE)[1:] if file.exists() else []
    sections = {text[3:].partition(":")[0]: text for text in found} | {name: section}
    growing = file.with_suffix(".new")
    growing.write_text("\n".join([_HEAD, *(sections[one].strip() + "\n" for one in sorted(sections))]))
    growing.replace(file)
