"""What live readers watch: deployments and logs, looked up together however many readers there are.

Bells make it quick; looking by itself, once a second, makes it sure (architecture, rule 7).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

import structlog

from adapters.database import Unavailable
from adapters.http.pages import Lines
from domain.identifiers import DeploymentId, LogId
from projections import deployments, lines
from projections.deployments import DeploymentRow
from projections.reading import Reader

LOOK_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Bell(Protocol):
    """One reader's bell."""

    def clear(self) -> None:
        """Forget the rings so far."""
        ...

    async def wait(self, timeout: float) -> bool:
        """Whether it was rung since ``clear``, waiting at most ``timeout`` seconds."""
        ...

    def ring(self) -> None:
        """Wake the reader."""
        ...


Doorbell = Callable[[LogId], AbstractContextManager[Bell]]
"""A bell that is rung, from anywhere in the plane, when a log has more lines."""


class Progress(Protocol):
    """How far the read models stand."""

    @property
    def known(self) -> int:
        """The position that all of them have passed, as far as it was heard here."""
        ...

    async def passed(self, position: int, timeout: float) -> bool:
        """Whether all of them pass ``position`` within ``timeout`` seconds."""
        ...


@dataclass(eq=False, slots=True)
class Watched:
    """One log that somebody reads, with its deployment where it has one, as they were seen last."""

    log_id: LogId
    deployment: DeploymentRow | None = None
    seen_seq: int = 0
    closed_at: int | None = None
    """The last seq of the log, once it is closed."""
    bells: set[Bell] = field(default_factory=set)

    def over(self, after: int) -> bool:
        """Whether nothing follows ``after`` any more."""
        ended = self.deployment is None or self.deployment.ended
        return ended and self.closed_at is not None and after >= self.closed_at

    def learn(self, found: "Watched") -> None:
        """Take over what is known elsewhere of the same log, where it is newer."""
        if self.closed_at is None and found.closed_at is not None:
            self.closed_at = found.closed_at
            self.ring()
        if self.deployment and found.deployment and self.deployment.version < found.deployment.version:
            self.deployment = found.deployment
            self.ring()

    def ring(self) -> None:
        """Wake everybody who reads it."""
        for bell in self.bells:
            bell.ring()


class Watching:
    """Everything that is watched in one process."""

    def __init__(self, reader: Reader, lines: Lines, progress: Progress, doorbell: Doorbell) -> None:
        self._reader = reader
        self._lines = lines
        self._progress = progress
        self._doorbell = doorbell
        self._watched: dict[LogId, Watched] = {}
        self.stopping = False

    @classmethod
    @asynccontextmanager
    async def open(cls, reader: Reader, lines: Lines, progress: Progress, doorbell: Doorbell) -> AsyncIterator[Self]:
        """Watch for as long as the context lasts; then every reader is told to go."""
        watching = cls(reader, lines, progress, doorbell)
        task = asyncio.create_task(watching._run(), name="watching")
        try:
            yield watching
        finally:
            watching.stop()
            task.cancel()
            await asyncio.wait([task])

    def stop(self) -> None:
        """Send every reader away; they come back to whoever serves then, and miss nothing."""
        self.stopping = True
        for watched in self._watched.values():
            watched.ring()

    @contextmanager
    def reading(self, found: Watched) -> Iterator[tuple[Watched, Bell]]:
        """What a feed watches, shared with others who watch it, and its own bell that rings when that has changed."""
        log_id = found.log_id
        watched = self._watched.setdefault(log_id, found)
        watched.learn(found)
        with self._doorbell(log_id) as bell:
            watched.bells.add(bell)
            try:
                yield watched, bell
            finally:
                watched.bells.discard(bell)
                if not watched.bells:
                    self._watched.pop(log_id, None)

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        seen, due = self._progress.known, now()
        while True:
            await self._progress.passed(seen + 1, max(0.0, due - now()))
            seen, for_lines = self._progress.known, now() >= due
            if for_lines:  # they ring doorbells of their own, of which some are lost
                due = now() + LOOK_SECONDS
            try:
                await self._look(list(self._watched.values()), for_lines=for_lines)
            except Exception as problem:  # noqa: BLE001 - whatever it is, all live readers depend on the next look
                _log.warning("cannot watch", exc_info=None if isinstance(problem, Unavailable) else problem)
                await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, watched: Sequence[Watched], *, for_lines: bool) -> None:
        if not watched:
            return
        await self._look_at_deployments({one.deployment.id: one for one in watched if one.deployment})
        closed = await lines.closed_among(self._reader, [one.log_id for one in watched if one.closed_at is None])
        last_seqs = await self._lines.last_seqs([one.log_id for one in watched]) if for_lines else {}
        for one in watched:
            row, last_seq = closed.get(one.log_id), last_seqs.get(one.log_id, 0)
            if row is not None or last_seq > one.seen_seq:
                one.closed_at = row.last_seq if row else one.closed_at
                one.seen_seq = max(one.seen_seq, last_seq)
                one.ring()

    async def _look_at_deployments(self, watched: dict[DeploymentId, Watched]) -> None:
        for row in await deployments.among(self._reader, list(watched)):
            one = watched[row.id]
            if row != one.deployment:
                one.deployment = row
                one.ring()
