"""What live readers watch: deployments and logs, looked up together however many readers there are.

Bells make it quick; looking by itself, once a second, makes it sure (architecture, rule 7).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Self

import structlog

from adapters.bell import Bell, News
from adapters.database import Unavailable
from adapters.http.pages import Lines
from domain.identifiers import DeploymentId, LogId, build_log
from projections import deployments, lines
from projections.deployments import DeploymentRow
from projections.lines import LogRow
from projections.reading import LARGEST_PAGE, Reader

LOOK_SECONDS = 1.0
_log = structlog.get_logger(__name__)


Doorbell = Callable[[LogId], AbstractContextManager[Bell]]
"""A bell that is rung, from anywhere in the plane, when a log has more lines."""


Telling = Callable[[], AbstractContextManager[News]]
"""What is told of the read models: the keys of deployments and logs whose rows have changed."""


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
        if found.closed_at is not None:
            self.close(found.closed_at)
        if self.deployment and found.deployment and self.deployment.version < found.deployment.version:
            self.show(found.deployment)

    def close(self, last_seq: int) -> None:
        """The log is closed."""
        if self.closed_at is None:
            self.closed_at = last_seq
            self.ring()

    def show(self, row: DeploymentRow) -> None:
        """The deployment is so. Unless that may be the end, nobody has to look for lines because of it."""
        if row != self.deployment:
            self.deployment = row
            for bell in self.bells:
                bell.ring() if row.ended else bell.wake()

    def ring(self) -> None:
        """Wake everybody who reads it."""
        for bell in self.bells:
            bell.ring()


class Watching:
    """Everything that is watched in one process."""

    def __init__(self, reader: Reader, lines: Lines, news: News, doorbell: Doorbell) -> None:
        self._reader = reader
        self._lines = lines
        self._news = news
        self._doorbell = doorbell
        self._watched: dict[LogId, Watched] = {}
        self.stopping = False

    @classmethod
    @asynccontextmanager
    async def open(cls, reader: Reader, lines: Lines, told: Telling, doorbell: Doorbell) -> AsyncIterator[Self]:
        """Watch for as long as the context lasts; then every reader is told to go."""
        with told() as news:
            watching = cls(reader, lines, news, doorbell)
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
        self._news.tell([log_id])  # what changed since ``found`` was looked up was told in vain
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
        due = now()
        while True:
            await self._news.wait(max(0.0, due - now()))
            names, for_lines = self._news.take(), now() >= due
            if for_lines:  # bells may be lost, and lines ring doorbells of their own
                due = now() + LOOK_SECONDS
            try:
                await self._look(self._about(None if for_lines else names), for_lines=for_lines)
            except Exception as problem:  # noqa: BLE001 - whatever it is, all live readers depend on the next look
                _log.warning("cannot watch", exc_info=None if isinstance(problem, Unavailable) else problem)
                await asyncio.sleep(LOOK_SECONDS)
                due = now()

    def _about(self, names: set[str] | None) -> list[Watched]:
        """What is watched of these deployments and logs; all of it where anything may be new."""
        if names is None:
            return list(self._watched.values())
        logs = {log_id for name in names for log_id in (LogId(name), build_log(DeploymentId(name)))}
        return [self._watched[log_id] for log_id in logs & self._watched.keys()]

    async def _look(self, watched: Sequence[Watched], *, for_lines: bool) -> None:
        for start in range(0, len(watched), LARGEST_PAGE):
            await self._look_at_rows(watched[start : start + LARGEST_PAGE])
        last_seqs = await self._lines.last_seqs([one.log_id for one in watched]) if for_lines and watched else {}
        for one in watched:
            if (last_seq := last_seqs.get(one.log_id, 0)) > one.seen_seq:
                one.seen_seq = last_seq
                one.ring()

    async def _look_at_rows(self, watched: Sequence[Watched]) -> None:
        found = await self._reader.pages(
            deployments.among([one.deployment.id for one in watched if one.deployment]),
            lines.ends([one.log_id for one in watched if one.closed_at is None]),
        )
        rows: dict[LogId, DeploymentRow] = {build_log(row.id): row for row in found[0].rows}
        ends: dict[LogId, LogRow] = {row.log_id: row for row in found[1].rows}
        for one in watched:
            if one.log_id in ends:
                one.close(ends[one.log_id].last_seq)
            if one.log_id in rows:
                one.show(rows[one.log_id])
