"""The access log's way from Caddy's files into the line store: one log an environment, each request exactly once.

How far the files were read is stored with the lines, and the position in them is kept only after that, so whoever died
goes on at the very place. When more comes than can be stored, whole stretches are counted instead, and the log says so.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import groupby
from pathlib import Path
from typing import NoReturn

import prometheus_client
import structlog

from adapters.database import Unavailable
from adapters.edge import requests
from adapters.edge.access_file import AccessFile, Block
from adapters.edge.requests import Found
from adapters.linestore import StaleWriter, Stream
from adapters.linewriting import LineWriter, LineWriters
from adapters.masking import Masks
from domain.identifiers import EnvironmentId, access_log

LOOK_SECONDS = 0.1
"""How long a request may lie in Caddy's file."""
KEEP_SECONDS = 0.5
"""How often the position is kept while requests come."""
AGAIN_SECONDS = 1.0
BLOCK_BYTES = 256 << 10
"""So much is taken at a time: less than 10 ms of CPU, for others wait for this process."""
MOST_BEHIND = 8
"""Where so many files wait, the next ones are counted and not stored, before Caddy deletes them unread."""
MOST_WRITERS = 1000
"""Logs that are open at a time."""

LEFT_OUT = "{:,} requests are left out here: they came faster than they could be stored."
GAP = "Requests may be left out here: more came than is kept for whoever reads them, who was away."

_REQUESTS = prometheus_client.Counter(
    "shipbook_access_log_requests_total", "Requests to applications that were logged, or left out.", ["outcome"]
)

_ByEnvironment = defaultdict[EnvironmentId, list[Found]]

log = structlog.get_logger(__name__)


class AccessLogging:
    """Stores what the Caddy that writes to ``directory`` tells of requests."""

    def __init__(self, directory: Path, writers: LineWriters) -> None:
        self._directory = directory
        self._writers = writers

    async def run(self) -> NoReturn:
        """Store until cancelled. Whatever goes wrong harms nobody else, and is begun again."""
        while True:
            try:
                async with AsyncExitStack() as stack:
                    await _Pass(self._directory, self._writers, stack).follow()
            except (Unavailable, StaleWriter, OSError) as problem:
                log.info("the access logs wait", why=str(problem))
            except Exception:
                log.exception("the access logs could not be stored")
            await asyncio.sleep(AGAIN_SECONDS)


class _Pass:
    """One attempt, from the kept position until something breaks."""

    def __init__(self, directory: Path, writers: LineWriters, stack: AsyncExitStack) -> None:
        self._file = AccessFile(directory)
        self._writers = writers
        self._stack = stack
        self._logs: dict[EnvironmentId, _Log] = {}
        self._left_out: Counter[EnvironmentId] = Counter()
        stack.callback(self._file.close)

    async def follow(self) -> None:
        """Take block after block. Returns when too many logs are open."""
        now = asyncio.get_running_loop().time
        kept = now()
        while len(self._logs) <= MOST_WRITERS:
            block, found = await asyncio.to_thread(self._next)
            if block is not None:
                await self._take(block, found)
            if block is None or now() - kept > KEEP_SECONDS:
                await self._keep()
                kept = now()
            if block is None:
                await asyncio.sleep(LOOK_SECONDS)
        await self._keep()

    def _next(self) -> tuple[Block | None, _ByEnvironment]:
        """The following block, and the requests in it."""
        found: _ByEnvironment = defaultdict(list)
        if block := self._file.read(BLOCK_BYTES):
            for one in requests.found(block.data, block.offset):
                found[one.environment_id].append(one)
        return block, found

    async def _take(self, block: Block, found: _ByEnvironment) -> None:
        if block.behind < MOST_BEHIND:
            await self._tell_left_out(block.offset)
        for environment_id, its_own in found.items():
            place = await self._log(environment_id)
            if block.gap:
                await place.say(GAP, block.offset)
            following = [one for one in its_own if one.offset > place.resumed_at]
            if block.behind < MOST_BEHIND:
                await place.write(following)
            else:
                self._left_out[environment_id] += len(following)

    async def _tell_left_out(self, offset: int) -> None:
        """Say in each log how many requests were counted and not stored before ``offset``."""
        for environment_id, count in self._left_out.items():
            place = await self._log(environment_id)
            await place.say(LEFT_OUT.format(count), offset)
            _REQUESTS.labels("left out").inc(count)
        self._left_out.clear()

    async def _log(self, environment_id: EnvironmentId) -> "_Log":
        if environment_id not in self._logs:
            opening = self._writers.open(access_log(environment_id), Masks())
            writer = await self._stack.enter_async_context(opening)
            self._logs[environment_id] = _Log(writer, self._file.source)
        return self._logs[environment_id]

    async def _keep(self) -> None:
        """Once everything is stored, go on from here the next time. What was only counted is counted again."""
        if self._left_out:
            return
        for place in self._logs.values():
            await place.flush()
        await asyncio.to_thread(self._file.keep)


class _Log:
    """One environment's log."""

    def __init__(self, writer: LineWriter, source: str) -> None:
        self._writer = writer
        self._source = source
        streams: tuple[Stream, ...] = (requests.USUAL, requests.NOTABLE, "system")
        self.resumed_at = max(writer.offset(stream=stream, source=source) for stream in streams)
        """What of the files is stored already."""
        self._new = False

    async def write(self, found: Sequence[Found]) -> None:
        """Store requests, in their order."""
        for stream, run in groupby(found, key=lambda one: one.stream):
            part = [*run]
            data = b"".join([one.line + b"\n" for one in part])
            await self._writer.write(data, stream=stream, source=self._source, offset=part[-1].offset)
        _REQUESTS.labels("stored").inc(len(found))
        self._new = self._new or bool(found)

    async def say(self, text: str, offset: int) -> None:
        """Store words of our own, unless that was done already."""
        if offset > self.resumed_at:
            await self._writer.write(text.encode() + b"\n", stream="system", source=self._source, offset=offset)
            self._new = True

    async def flush(self) -> None:
        """Wait until all is stored."""
        if self._new:
            await self._writer.flush()
            self._new = False
