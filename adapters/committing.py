"""Group commit: everybody's appends, one transaction after another, each caller with an answer of its own."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Self

import psycopg
from prometheus_client import Counter as Total
from prometheus_client import Gauge, Histogram
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.admission import Answer, Submission
from adapters.answering import AnsweringConnection
from adapters.appending import append
from adapters.database import Unavailable

LONGEST_QUEUE = 4096
"""So many submissions wait at the most; then callers are told to come back."""
LARGEST_BATCH = 2000
"""Events in one transaction, unless a single submission has more."""

_RECONNECT_SECONDS = 0.1
_COMMIT_SECONDS = 15.0
"""So long a transaction may take before its connection is given up; the database's own bounds come first."""
_OPTIONS = (
    "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"
    r" -c default_transaction_isolation=read\ committed"
)

_BATCH_EVENTS = Histogram(
    "shipbook_append_batch_events",
    "Facts in one transaction of the event log.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)
_COMMIT_TOOK = Histogram(
    "shipbook_append_commit_seconds",
    "From taking up a batch of appends until it is durable.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_QUEUE_DEPTH = Gauge("shipbook_append_queue_depth", "Appends that wait for the committer.")
_APPENDS = Total("shipbook_appends_total", "Appends, by what became of them.", ["outcome"])


class Committer:
    """One task with one connection that records what all callers of its event loop submit.

    Whatever waited while the previous transaction was being made durable goes into the next one.
    """

    def __init__(self, conninfo: str) -> None:
        options = conninfo_to_dict(conninfo).get("options") or ""
        self._conninfo = make_conninfo(conninfo, options=f"{options} {_OPTIONS}", client_encoding="utf8")
        self._connection: AnsweringConnection | None = None
        self._queue: deque[Submission] = deque()
        self._news = asyncio.Event()
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="committer")

    @classmethod
    @asynccontextmanager
    async def open(cls, conninfo: str) -> AsyncIterator[Self]:
        """A committer that records what was submitted before it ends. Where the database is away, callers are told."""
        committer = cls(conninfo)
        try:
            yield committer
        finally:
            committer._closed = True
            committer._news.set()
            await committer._task

    async def record(self, submission: Submission, patience: float) -> range:
        """The positions of the submission's events, once they are durable.

        Raises ``VersionConflict``, ``NameTaken``, ``RequestReused``, the database's own error where it refuses the
        bytes, or ``Unavailable``: too many wait already, the committer is closed, or ``patience`` seconds are over.
        """
        if self._closed or len(self._queue) >= LONGEST_QUEUE:
            raise Unavailable("Too many changes wait to be recorded. Try again.")
        self._queue.append(submission)
        self._news.set()
        timer = asyncio.get_running_loop().call_later(patience, _give_up, submission)
        try:
            answer = await submission.answer
        finally:
            timer.cancel()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _run(self) -> None:
        while batch := await self._batch():
            await self._record(batch)
        await self._drop_connection()

    async def _batch(self) -> list[Submission]:
        """Whatever waits, up to ``LARGEST_BATCH`` events; nothing after the end."""
        while not (self._queue or self._closed):
            self._news.clear()
            await self._news.wait()
        batch: list[Submission] = []
        size = 0
        while self._queue and size < LARGEST_BATCH:
            batch.append(submission := self._queue.popleft())
            size += submission.size
        _QUEUE_DEPTH.set(len(self._queue))
        return batch

    async def _record(self, batch: Sequence[Submission]) -> None:
        """Give every submission its answer, through as many connections as it takes."""
        while batch := [submission for submission in batch if not submission.answer.done()]:
            try:
                return _answer(batch, await self._commit(batch))
            except psycopg.Error as problem:
                if self._connection is None or self._connection.closed:
                    batch = await self._after_loss(batch, problem)
                elif len(batch) == 1:
                    return _answer(batch, [_refused(problem)])
                else:
                    # One of them has something that the database will not take. Alone, each gets its own answer.
                    for submission in batch:
                        await self._record([submission])
                    return None
            except Exception as problem:  # noqa: BLE001 - the task outlives any fault, and the callers hear of it
                await self._drop_connection()
                return _answer(batch, [problem] * len(batch))
        return None

    async def _commit(self, batch: Sequence[Submission]) -> list[Answer]:
        """One transaction, and an answer for each submission."""
        started = time.perf_counter()
        if self._connection is None:
            self._connection = await AnsweringConnection.connect(self._conninfo, autocommit=True)
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                answers = await append(self._connection, batch)
        except TimeoutError as problem:
            await self._connection.close()
            raise psycopg.OperationalError("the database gave no answer") from problem
        _COMMIT_TOOK.observe(time.perf_counter() - started)
        _BATCH_EVENTS.observe(sum(len(answer) for answer in answers if isinstance(answer, range)))
        return answers

    async def _after_loss(self, batch: Sequence[Submission], problem: psycopg.Error) -> Sequence[Submission]:
        """The submissions that are worth another connection.

        If there was a connection, nobody knows whether the transaction was committed. Each submission's places are
        read back under the lock of the next one (``Admission``).
        """
        for submission in batch:
            submission.in_doubt |= self._connection is not None
        await self._drop_connection()
        if not self._closed:
            await asyncio.sleep(_RECONNECT_SECONDS)
            return batch
        _answer(batch, [_refused(problem)] * len(batch))
        return ()

    async def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                await self._connection.close()
            self._connection = None


def _answer(batch: Sequence[Submission], answers: Sequence[Answer]) -> None:
    for submission, answer in zip(batch, answers, strict=True):
        _tell(submission, answer)
    for outcome, number in Counter(map(_outcome, answers)).items():
        _APPENDS.labels(outcome).inc(number)


def _tell(submission: Submission, answer: Answer) -> None:
    if not submission.answer.done():  # or else the caller has given up
        submission.answer.set_result(answer)


def _give_up(submission: Submission) -> None:
    problem = "The change could not be recorded in time. Repeat the request with the same Idempotency-Key."
    _tell(submission, Unavailable(problem))


def _outcome(answer: Answer) -> str:
    return "recorded" if isinstance(answer, range) else type(answer).__name__


def _refused(problem: psycopg.Error) -> Exception:
    """What callers hear of it: ``Unavailable`` for whatever passes by waiting, else the database's own words."""
    if isinstance(problem, psycopg.OperationalError):
        return Unavailable(f"The database cannot record the change at the moment: {problem}")
    return problem
