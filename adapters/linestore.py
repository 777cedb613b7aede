"""Log lines in Postgres: compressed chunks by log and seq, in partitions by day.

A line's seq is decided once, by the log's only writer (``adapters.linewriting``), and stored: gap-free per log, equal
on every reconnect. Reading is equally fast at any depth.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import Literal, NamedTuple

import msgspec
import zstandard
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from adapters.database import Database
from domain.fact import Value
from domain.identifiers import LogId

PAGE_BYTES = 1 << 20
"""Text of one page that is read, give or take a chunk."""

CHUNK_BYTES = 96 << 10
"""Text of one stored chunk, give or take a run: whoever goes on within it has to fetch and unpack all of it."""

MOST_CHUNKS = 128
"""On one page. Where lines come slowly, chunks are small."""

Stream = Literal["stdout", "stderr", "system"]


class PastRetention(Exception):
    """The lines asked for are no longer kept; those from ``oldest_seq`` on are."""

    def __init__(self, oldest_seq: int) -> None:
        super().__init__(f"Lines before {oldest_seq} are no longer kept.")
        self.oldest_seq = oldest_seq


class StaleWriter(Exception):
    """Another writer has opened the log; this one may write no more."""


class Line(Value):
    """One line, without its line feed. ``seq`` counts from 1 in its log."""

    seq: int
    at: datetime
    stream: Stream
    text: str
    step: str | None = None
    source: str | None = None


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Lines that came together: ``text`` has them one after another, each ended by a line feed, in UTF-8."""

    at: int
    """Microseconds since 1970."""
    stream: Stream
    step: str | None
    source: str | None
    count: int
    """How many lines: counting them again takes as long as unpacking them."""
    text: bytes

    @property
    def moment(self) -> datetime:
        """When they came, in UTC."""
        return datetime.fromtimestamp(self.at / 1_000_000, UTC)


class Numbered(NamedTuple):
    """A run in its place in its log."""

    first_seq: int
    run: Run

    @property
    def last_seq(self) -> int:
        """The number of the run's last line."""
        return self.first_seq + self.run.count - 1

    def behind(self, seq: int) -> "Numbered":
        """What of the run follows ``seq``, which is before its last line."""
        skipped = seq + 1 - self.first_seq
        if skipped <= 0:
            return self
        text = self.run.text.split(b"\n", skipped)[-1]
        return Numbered(seq + 1, msgspec.structs.replace(self.run, count=self.run.count - skipped, text=text))

    def lines(self) -> Iterator[Line]:
        """The lines, one by one."""
        run, at = self.run, self.run.moment
        for seq, text in enumerate(run.text.decode().split("\n")[:-1], self.first_seq):
            yield Line(seq=seq, at=at, stream=run.stream, text=text, step=run.step, source=run.source)


class Chunk(msgspec.Struct, frozen=True):
    """Consecutive lines of one log on their way to the database, however many, and how far their spools were read."""

    log_id: LogId
    writer: int
    first_seq: int
    last_seq: int
    runs: list[Run]
    offsets: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes of text."""
        return sum(len(run.text) for run in self.runs)

    def parts(self) -> "Iterator[Chunk]":
        """The same lines in chunks of the size in which they are stored."""
        first_seq, runs, size = self.first_seq, list[Run](), 0
        for run in self.runs:
            runs.append(run)
            size += len(run.text)
            if size >= CHUNK_BYTES or run is self.runs[-1]:
                last_seq = first_seq + sum(run.count for run in runs) - 1
                yield Chunk(self.log_id, self.writer, first_seq, last_seq, runs)
                first_seq, runs, size = last_seq + 1, [], 0


class LogCursor(Value):
    """Where a log stands. Lines from ``oldest_seq`` to ``last_seq`` can be read; ``last_seq`` is 0 before the first."""

    last_seq: int = 0
    oldest_seq: int = 1


class Opened(Value):
    """The log as its next writer finds it. ``writer`` outranks every earlier one."""

    writer: int
    last_seq: int
    offsets: dict[str, int]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Run]).decode


def _packed(chunks: Sequence[Chunk]) -> list[tuple[Chunk, bytes]]:
    compressor = zstandard.ZstdCompressor(level=1)
    return [(part, compressor.compress(_encode(part.runs))) for chunk in chunks for part in chunk.parts()]


def _continuing(chunks: Sequence[Chunk]) -> list[object]:
    """Whose logs go on, and between which lines, as arrays."""
    return [
        [chunk.log_id for chunk in chunks],
        [chunk.writer for chunk in chunks],
        [chunk.first_seq for chunk in chunks],
        [chunk.last_seq for chunk in chunks],
    ]


def _unpacked(stored: Iterable[tuple[int, bytes]]) -> Iterator[Numbered]:
    decompress = zstandard.ZstdDecompressor().decompress
    for first_seq, body in stored:
        seq = first_seq
        for run in _decode(decompress(body)):
            yield Numbered(seq, run)
            seq += run.count


class LineStore:
    """The stored lines of all logs. Every method raises ``Unavailable`` while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, log_id: LogId) -> Opened:
        """Become the log's writer. Whoever was it before is refused from this moment on."""
        rows = await self._database.fetch(
            "INSERT INTO lines.logs (log_id, writer, first_day) VALUES (%s, 1, (now() AT TIME ZONE 'UTC')::date)"
            " ON CONFLICT (log_id) DO UPDATE SET writer = logs.writer + 1 RETURNING writer, last_seq, offsets",
            [log_id],
        )
        writer, last_seq, offsets = rows[0]
        return Opened(writer=writer, last_seq=last_seq, offsets=offsets)

    async def append(self, chunks: Sequence[Chunk]) -> set[LogId]:
        """Store the chunks, of different logs, in one statement; the logs whose writers were refused as stale.

        It may be repeated with the same chunks when nobody knows what became of the first time.
        """
        stored = await self._insert(chunks, await asyncio.to_thread(_packed, chunks))
        left = {chunk.log_id: chunk for chunk in chunks if chunk.log_id not in stored}
        if not left:
            return set()
        return left.keys() - await self._stored_before(list(left.values()))

    async def _stored_before(self, chunks: Sequence[Chunk]) -> set[LogId]:
        """The logs that end with just these chunks, from their latest writers."""
        rows = await self._database.fetch(
            "SELECT log_id FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[])"
            " AS n (log_id, writer, first_seq, last_seq) JOIN lines.logs USING (log_id, writer, last_seq)"
            " JOIN lines.chunks USING (log_id, first_seq)",
            _continuing(chunks),
        )
        return {log_id for (log_id,) in rows}

    async def _insert(self, chunks: Sequence[Chunk], packed: Sequence[tuple[Chunk, bytes]]) -> set[LogId]:
        try:
            return await self._continue_logs(chunks, packed)
        except errors.CheckViolation:  # there is no partition for today
            await self._make_partitions()
            return await self._continue_logs(chunks, packed)

    async def _continue_logs(self, chunks: Sequence[Chunk], packed: Sequence[tuple[Chunk, bytes]]) -> set[LogId]:
        # The log's row moves on only where the chunk continues it, and only for its latest writer: so no gap, no
        # repeat, and a writer that was thought dead cannot come back.
        rows = await self._database.fetch(
            "WITH moved AS (UPDATE lines.logs SET last_seq = news.last_seq, offsets = logs.offsets || news.offsets,"
            " first_day = least(first_day, (now() AT TIME ZONE 'UTC')::date)"
            " FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::jsonb[])"
            " AS news (log_id, writer, first_seq, last_seq, offsets)"
            " WHERE logs.log_id = news.log_id AND logs.writer = news.writer AND logs.last_seq = news.first_seq - 1"
            " RETURNING logs.log_id), stored AS (INSERT INTO lines.chunks (log_id, first_seq, last_seq, size, body)"
            " SELECT part.* FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::integer[], %b::bytea[])"
            " AS part (log_id, first_seq, last_seq, size, body) JOIN moved USING (log_id))"
            " SELECT log_id FROM moved",
            [
                *_continuing(chunks),
                [Jsonb(chunk.offsets) for chunk in chunks],
                [part.log_id for part, _ in packed],
                [part.first_seq for part, _ in packed],
                [part.last_seq for part, _ in packed],
                [part.size for part, _ in packed],
                [body for _, body in packed],
            ],
        )
        return {log_id for (log_id,) in rows}

    async def cursor(self, log_id: LogId) -> LogCursor:
        """Where the log stands; a log that nobody has written to stands at its beginning."""
        rows = await self._database.fetch("SELECT last_seq, oldest_seq FROM lines.logs WHERE log_id = %s", [log_id])
        return LogCursor(last_seq=rows[0][0], oldest_seq=rows[0][1]) if rows else LogCursor()

    async def last_seqs(self, log_ids: Sequence[LogId]) -> dict[LogId, int]:
        """The last seq of each of these logs that has lines, in one question however many they are."""
        rows = await self._database.fetch(
            "SELECT log_id, last_seq FROM lines.logs WHERE log_id = ANY(%s::text[])", [list(log_ids)]
        )
        return dict(rows)

    async def read(
        self, log_id: LogId, after: int = 0, *, limit_bytes: int = PAGE_BYTES, limit_lines: int | None = None
    ) -> Sequence[Line]:
        """The next lines behind ``after``, in order; none when there are none yet.

        ``limit_bytes`` is kept to within a chunk, and the page is never empty because of it. Raises ``PastRetention``.
        """
        runs = await self.runs(log_id, after, limit_bytes=limit_bytes)
        return list(islice(chain.from_iterable(run.lines() for run in runs), limit_lines))

    async def runs(self, log_id: LogId, after: int = 0, *, limit_bytes: int = PAGE_BYTES) -> Sequence[Numbered]:
        """The same lines as they are stored, which is far quicker for whoever can do without looking at each."""
        rows = await self._database.fetch(
            "SELECT logs.oldest_seq, page.first_seq, page.body FROM lines.logs LEFT JOIN LATERAL"
            " (SELECT first_seq, body, sum(size) OVER (ORDER BY last_seq) - size AS before FROM"
            " (SELECT first_seq, last_seq, size, body FROM lines.chunks WHERE chunks.log_id = logs.log_id"
            " AND last_seq > %s AND day >= logs.first_day ORDER BY last_seq LIMIT (SELECT %s::bigint)) AS following"
            ") AS page ON page.before < %s WHERE logs.log_id = %s ORDER BY page.first_seq",
            [after, min(limit_bytes, MOST_CHUNKS), limit_bytes, log_id],  # a chunk has a byte at least
        )
        if rows and after + 1 < rows[0][0]:
            raise PastRetention(rows[0][0])
        stored = _unpacked((first_seq, body) for _, first_seq, body in rows if body)
        return [run.behind(after) for run in stored if run.last_seq > after]

    async def replay(self, log_id: LogId, after: int = 0) -> AsyncGenerator[Sequence[Numbered], None]:
        """All lines behind ``after`` that are stored, page by page; the next page is read while one is used.

        Raises ``PastRetention``.
        """
        ahead = asyncio.create_task(self.runs(log_id, after))
        try:
            while runs := await ahead:
                ahead = asyncio.create_task(self.runs(log_id, runs[-1].last_seq))
                yield runs
        finally:
            ahead.cancel()

    async def digest(self, log_id: LogId) -> str:
        """The SHA-256 of all lines that are kept, each ended by a line feed, in hexadecimal."""
        cursor = await self.cursor(log_id)
        digest = hashlib.sha256()
        async with aclosing(self.replay(log_id, cursor.oldest_seq - 1)) as pages:
            async for runs in pages:
                for _, run in runs:
                    digest.update(run.text)
        return digest.hexdigest()

    async def today(self) -> date:
        """The day (in UTC) under which lines are stored at this moment."""
        rows = await self._database.fetch("SELECT (now() AT TIME ZONE 'UTC')::date")
        day: date = rows[0][0]
        return day

    async def drop_before(self, day: date) -> Sequence[date]:
        """Forget all lines that were stored before ``day`` (in UTC), and return the days that were dropped."""
        dropped = [found for found in await self._days() if found < day]
        for found in dropped:
            await self._drop(found)
        return dropped

    async def emptied(self, after: LogId, limit: int = 1000) -> Sequence[LogId]:
        """Logs of which no line is kept, by id, from behind ``after`` on."""
        rows = await self._database.fetch(
            "SELECT log_id FROM lines.logs WHERE log_id > %s AND oldest_seq > last_seq ORDER BY log_id LIMIT %s",
            [after, limit],
        )
        return [log_id for (log_id,) in rows]

    async def forget(self, log_ids: Sequence[LogId]) -> None:
        """Forget where these logs stand, so far as no line of them is kept. They must have been closed.

        Where they ended is told by ``LogClosed``; a writer that opened one again would begin with seq 1.
        """
        await self._database.fetch(
            "DELETE FROM lines.logs WHERE log_id = ANY(%s::text[]) AND oldest_seq > last_seq RETURNING 1",
            [list(log_ids)],
        )

    async def _days(self) -> Sequence[date]:
        rows = await self._database.fetch(
            "SELECT right(relid::text, 8) FROM pg_partition_tree('lines.chunks') WHERE isleaf ORDER BY relid::text"
        )
        return [datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in rows]

    async def _drop(self, day: date) -> None:
        partition = _partition(day)
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            await connection.execute(
                sql.SQL(
                    "UPDATE lines.logs SET oldest_seq = greatest(oldest_seq, dropped.last_seq + 1) FROM"
                    " (SELECT log_id, max(last_seq) AS last_seq FROM {} GROUP BY log_id) AS dropped"
                    " WHERE logs.log_id = dropped.log_id"
                ).format(partition)
            )
            await connection.execute(sql.SQL("DROP TABLE {}").format(partition))

    async def _make_partitions(self) -> None:
        """Partitions for the database's today and tomorrow; another process may be making them at the same moment."""
        today = await self.today()
        for day in (today, date.fromordinal(today.toordinal() + 1)):
            statement = sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF lines.chunks FOR VALUES FROM ({}) TO ({})")
            bounds = (day.isoformat(), date.fromordinal(day.toordinal() + 1).isoformat())
            async with self._database.connection() as connection:
                try:
                    await connection.execute(statement.format(_partition(day), *bounds))
                except (errors.DuplicateTable, errors.UniqueViolation, errors.InvalidObjectDefinition):
                    continue


def _partition(day: date) -> sql.Identifier:
    return sql.Identifier("lines", f"chunks_{day:%Y%m%d}")
