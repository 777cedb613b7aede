"""A build's log, as customers read it: the commands' output, and sentences of Shipbook's own between."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from adapters.linewriting import LineWriter
from adapters.volumes import LEFT_OUT, Volume
from domain.steps import StepKind


@dataclass
class Journal:
    """Writes a deployment's log. ``step`` marks the lines that follow; what is behind ``volume`` is left out."""

    writer: LineWriter
    step: StepKind | None = None
    volume: Volume = field(default_factory=Volume)
    _silenced: bool = False

    async def say(self, *sentences: str) -> None:
        """Write lines of Shipbook's own."""
        for sentence in sentences:
            await self.writer.say(sentence, step=self.step)

    async def output(self, content: bytes) -> None:
        """Write what a command printed; its last line may be unfinished."""
        if self.volume.take(len(content)):
            await self.writer.write(content, step=self.step)
        elif not self._silenced:
            self._silenced = True
            await self.say(LEFT_OUT)

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
