"""Writing logs: the lines of all running logs of a process go to the store together, some fifty times a second."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Self

import msgspec
import psycopg
import structlog
from prometheus_client import Counter, Histogram

from adapters.database import Unavailable
from adapters.linecutting import LineCutter
from adapters.linestore import Chunk, LineStore, Opened, Run, StaleWriter, Stream
from adapters.masking import Masks
from domain.identifiers import LogId

FLUSH_SECONDS = 0.02
FLUSH_BYTES = 256 * 1024
"""So much news of one log is flushed at once."""
UNFLUSHED_BYTES = 1 << 20
"""So much may wait in one log; then its writer waits, and with it the pipe of the build."""
STATEMENT_BYTES = 4 << 20
"""So much text goes into one statement, give or take a chunk."""
RETRY_SECONDS = 0.2
LEAVE_SECONDS = 5.0
"""So long the end of the process waits for lines that are not stored yet."""

Ring = Callable[[LogId], None]
"""Called after lines of a log were stored."""

_journal = structlog.get_logger()

_LINES = Counter("shipbook_log_lines_total", "Log lines stored.")
_FLUSH_SECONDS = Histogram(
    "shipbook_log_flush_seconds",
    "From taking up lines until they are durable.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)


class _Source(msgspec.Struct):
    """One stream of one source."""

    stream: Stream
    source: str | None
    cutter: LineCutter
    step: str | None
    read: int | None = None
    """How many bytes of its spool were read, if it has one."""


class LineWriter:
    """The one writer of a log, made by ``LineWriters.open``: numbers the lines and hands them to the flusher.

    Every method raises ``StaleWriter`` once another writer has opened the log.
    """

    def __init__(
        self, log_id: LogId, opened: Opened, masks: Masks, store: LineStore, news: Callable[..., None]
    ) -> None:
        self.log_id = log_id
        self.last_seq = opened.last_seq
        self.stale = False
        self._number = opened.writer
        self._offsets = opened.offsets
        self._masks = masks
        self._store = store
        self._news = news
        self._sources: dict[str, _Source] = {}
        self._runs: list[Run] = []
        self._waiting_bytes = 0
        self._taken_seq = self._stored_seq = opened.last_seq
        self._digest = None if opened.last_seq else hashlib.sha256()
        self._progress = asyncio.Event()

    def offset(self, *, stream: Stream = "stdout", source: str | None = None) -> int:
        """Where to go on in a spool, in bytes: an earlier writer stored the lines up to there."""
        return self._offsets.get(_spool(stream, source), 0)

    async def write(
        self,
        data: bytes,
        *,
        stream: Stream = "stdout",
        step: str | None = None,
        source: str | None = None,
        offset: int | None = None,
    ) -> None:
        """Take bytes as they come (64 KiB at once is a good measure); waits while too much is not stored yet.

        Lines of one ``stream`` and ``source`` may come in pieces; another ``step`` ends an unfinished one. For bytes
        that are tailed from a spool, ``offset`` is the place right behind them.
        """
        spool = _spool(stream, source)
        if (origin := self._sources.get(spool)) is None:
            origin = self._sources[spool] = _Source(stream, source, LineCutter(self._masks), step)
        if origin.step != step:
            self._add(origin, origin.cutter.end())
            origin.step = step
        origin.read = offset
        self._add(origin, origin.cutter.cut(data))
        await self._until(lambda: self._waiting_bytes < UNFLUSHED_BYTES)

    async def say(self, text: str, *, step: str | None = None) -> None:
        """Lines of Shipbook's own."""
        await self.write(text.encode() + b"\n", stream="system", step=step)

    async def flush(self) -> None:
        """Wait until every whole line is stored."""
        await self._until(lambda: self._stored_seq == self.last_seq)

    async def finish(self) -> tuple[int, str]:
        """End unfinished lines and store everything; the last seq, and the digest that ``LogClosed`` records.

        It is the SHA-256 of all lines, each ended by a line feed; where the beginning is past retention, of those that
        are kept.
        """
        for origin in self._sources.values():
            self._add(origin, origin.cutter.end())
        if self.waiting:
            self._news(plenty=True)  # what is flushed with more lines is cheaper, but no more will come
        await self.flush()
        return self.last_seq, self._digest.hexdigest() if self._digest else await self._store.digest(self.log_id)

    @property
    def waiting(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._runs)

    @property
    def unstored(self) -> bool:
        """Whether lines are not durable yet that will be."""
        return self._stored_seq < self.last_seq and not self.stale

    def take(self) -> Chunk:
        """Everything that waits, for the flusher; ``stored`` or ``refused`` follows."""
        offsets = {spool: s.read - s.cutter.uncut for spool, s in self._sources.items() if s.read is not None}
        chunk = Chunk(self.log_id, self._number, self._taken_seq + 1, self.last_seq, self._runs, offsets)
        self._runs = []
        self._taken_seq = self.last_seq
        return chunk

    def stored(self, chunk: Chunk) -> None:
        """The chunk that was taken is durable."""
        self._stored_seq = chunk.last_seq
        self._waiting_bytes -= chunk.size
        self._progress.set()

    def refused(self) -> None:
        """Another writer has opened the log."""
        self.stale = True
        self._runs = []
        self._progress.set()

    def _add(self, origin: _Source, block: bytes) -> None:
        self._require_latest()
        if not block:
            return
        count = block.count(b"\n")
        self.last_seq += count
        self._runs.append(Run(time.time_ns() // 1000, origin.stream, origin.step, origin.source, count, block))
        self._waiting_bytes += len(block)
        if self._digest:
            self._digest.update(block)
        self._news(plenty=self._waiting_bytes >= FLUSH_BYTES)

    async def _until(self, condition: Callable[[], bool]) -> None:
        self._require_latest()
        while not condition():
            self._progress.clear()
            await self._progress.wait()
            self._require_latest()

    def _require_latest(self) -> None:
        if self.stale:
            raise StaleWriter(f"Another writer has opened the log {self.log_id}.")


class LineWriters:
    """The writers of one process, and the one flusher that stores what they take in.

    While the database is away, lines wait in their writers and nothing is lost.
    """

    def __init__(self, store: LineStore, ring: Ring) -> None:
        self._store = store
        self._ring = ring
        self._writers: dict[LineWriter, bool] = {}
        """Each with whether its user has left it."""
        self._news = asyncio.Event()
        self._plenty = asyncio.Event()
        self._flushed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def start(cls, store: LineStore, ring: Ring) -> AsyncIterator[Self]:
        """The writers, with their flusher. ``ring`` is called for each log that has lines to read."""
        writers = cls(store, ring)
        flusher = asyncio.create_task(writers._flush_for_ever())
        try:
            yield writers
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await writers._until_stored()
            flusher.cancel()
            await asyncio.wait([flusher])

    @asynccontextmanager
    async def open(self, log_id: LogId, masks: Masks) -> AsyncIterator[LineWriter]:
        """Become the log's writer, going on behind what earlier ones stored. ``Unavailable``: the database is away.

        Unfinished lines that are left at the end are the next writer's, which finds them in the spool.
        """
        writer = LineWriter(log_id, await self._store.open(log_id), masks, self._store, self._tell)
        self._writers[writer] = False
        try:
            yield writer
        finally:
            self._writers[writer] = True
            self._forget_left()

    def _tell(self, *, plenty: bool) -> None:
        self._news.set()
        if plenty:
            self._plenty.set()

    async def _flush_for_ever(self) -> None:
        while True:
            await self._news.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._plenty.wait()
            self._news.clear()
            self._plenty.clear()
            await self._flush()
            self._forget_left()

    async def _flush(self) -> None:
        """Everything that waits, up to ``STATEMENT_BYTES``, in one statement."""
        taken = self._take()
        started = time.perf_counter()
        stale = await self._stored([chunk for _, chunk in taken])
        _FLUSH_SECONDS.observe(time.perf_counter() - started)
        for writer, chunk in taken:
            if writer.log_id in stale:
                writer.refused()
            else:
                writer.stored(chunk)
                _LINES.inc(chunk.last_seq - chunk.first_seq + 1)
                self._ring(writer.log_id)
        self._flushed.set()
        if any(writer.waiting for writer in self._writers):
            self._tell(plenty=True)

    def _take(self) -> Sequence[tuple[LineWriter, Chunk]]:
        taken: dict[LogId, tuple[LineWriter, Chunk]] = {}
        size = 0
        for writer in list(self._writers):
            if writer.waiting and size < STATEMENT_BYTES and writer.log_id not in taken:
                self._writers[writer] = self._writers.pop(writer)  # it is the last one's turn next time
                taken[writer.log_id] = writer, writer.take()
                size += taken[writer.log_id][1].size
        return list(taken.values())

    async def _stored(self, chunks: Sequence[Chunk]) -> set[LogId]:
        """Store the chunks, for as long as it takes; the logs whose writers are stale."""
        while True:
            try:
                return await self._store.append(chunks)
            except (Unavailable, psycopg.Error) as problem:
                _journal.warning("log lines wait for the database", logs=len(chunks), error=str(problem))
                await asyncio.sleep(RETRY_SECONDS)

    async def _until_stored(self) -> None:
        while any(writer.unstored for writer in self._writers):
            self._flushed.clear()
            await self._flushed.wait()

    def _forget_left(self) -> None:
        for writer in [writer for writer, left in self._writers.items() if left and not writer.unstored]:
            del self._writers[writer]


def _spool(stream: Stream, source: str | None) -> str:
    return f"{stream}/{source or ''}"
