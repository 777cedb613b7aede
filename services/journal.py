"""A build's log, as the executor writes it: the commands' output, and sentences of its own between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.steps import StepKind


class LogWriter(Protocol):
    """The one writer of a log; it numbers the lines, masks secrets and waits when the store is slow."""

    async def write(self, content: bytes, *, stream: str, step: str | None = None) -> None:
        """Take a piece of output; its last line may be unfinished."""
        ...

    async def finish_lines(self) -> None:
        """End lines that were begun, and store everything."""
        ...


@dataclass
class Journal:
    """What customers read of a deployment. ``step`` marks the lines that follow."""

    writer: LogWriter
    step: StepKind | None = None

    async def say(self, *sentences: str) -> None:
        """Write lines of Shipbook's own."""
        for sentence in sentences:
            await self.writer.write(f"{sentence}\n".encode(), stream="system", step=self.step)

    async def output(self, content: bytes) -> None:
        """Write what a command printed."""
        await self.writer.write(content, stream="stdout", step=self.step)

    async def quote(self, lines: Sequence[str]) -> None:
        """Write lines that an application printed."""
        for line in lines:
            await self.writer.write(f"{line}\n".encode(), stream="stdout", step=self.step)

    async def settle(self) -> None:
        """Store everything that was written."""
        await self.writer.finish_lines()
