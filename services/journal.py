"""A build's log, as customers read it: the commands' output, and sentences of Shipbook's own between."""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.linewriting import LineWriter
from domain.steps import StepKind


@dataclass
class Journal:
    """Writes a deployment's log. ``step`` marks the lines that follow."""

    writer: LineWriter
    step: StepKind | None = None

    async def say(self, *sentences: str) -> None:
        """Write lines of Shipbook's own."""
        for sentence in sentences:
            await self.writer.say(sentence, step=self.step)

    async def output(self, content: bytes) -> None:
        """Write what a command printed; its last line may be unfinished."""
        await self.writer.write(content, step=self.step)

    async def line(self, text: str) -> None:
        """Write a whole line that a command printed."""
        await self.output(f"{text}\n".encode())

    async def quote(self, lines: Iterable[str]) -> None:
        """Write whole lines that an application printed."""
        for text in lines:
            await self.line(text)

    async def settle(self) -> None:
        """End unfinished lines and store everything."""
        await self.writer.finish()
