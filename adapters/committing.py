"""Group commit: everybody's appends, one transaction after another, each caller with an answer of its own."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, LiteralString

import psycopg
from prometheus_client import Counter as Total
from prometheus_client import Gauge, Histogram
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.admission import Admission, Name, Seen, Submission
from adapters.database import EVENTS, Unavailable
from commands.ports import RequestReused, VersionConflict
from domain.rejection import NameTaken
from domain.reservations import GiveBackAll

Answer = Sequence[int] | Exception
"""The positions of a submission's events, or why it was not recorded."""

LONGEST_QUEUE = 4096
"""So many submissions wait at the most; then callers are told to come back."""
LARGEST_BATCH = 2000
"""Events in one transaction, unless a single submission has more."""

_LOG_LOCK = 0x5348_4950_4C4F_4731
_RECONNECT_SECONDS = 0.1
_BOUNDS = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"

_BATCH_EVENTS = Histogram(
    "shipbook_append_batch_events",
    "Facts in one transaction of the event log.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)
_COMMIT_SECONDS = Histogram(
    "shipbook_append_commit_seconds",
    "From taking up a batch of appends until it is durable.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_QUEUE_DEPTH = Gauge("shipbook_append_queue_depth", "Appends that wait for the committer.")
_APPENDS = Total("shipbook_appends_total", "Appends, by what became of them.", ["outcome"])


class Committer:
    """One thread with one connection that records what all callers of the process submit.

    Whatever waited while the previous transaction was being made durable goes into the next one. Callers get the
    positions through ``Submission.positions``, or ``VersionConflict``, ``NameTaken``, ``RequestReused``,
    ``Unavailable``, or the database's own error where it refuses the bytes.
    """

    def __init__(self, conninfo: str) -> None:
        options = conninfo_to_dict(conninfo).get("options") or ""
        self._conninfo = make_conninfo(conninfo, options=f"{options} {_BOUNDS}")
        self._connection: Connection | None = None
        self._queue: SimpleQueue[Submission | None] = SimpleQueue()
        self._door = Lock()
        self._closed = False
        self._thread = Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def submit(self, submission: Submission) -> None:
        """Queue the submission. Raises ``Unavailable`` when too many wait already, or after ``close``."""
        with self._door:
            if self._closed or self._queue.qsize() >= LONGEST_QUEUE:
                raise Unavailable("Too many changes wait to be recorded. Try again.")
            self._queue.put(submission)

    def close(self) -> None:
        """Record what was submitted, then end the thread. Where the database is away, callers are told."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while submission := self._queue.get():
            self._record(self._batch(submission))
        if self._connection:
            self._connection.close()

    def _batch(self, first: Submission) -> list[Submission]:
        """Whatever waits, up to ``LARGEST_BATCH`` events."""
        batch, size = [first], len(first.events)
        while size < LARGEST_BATCH and not self._queue.empty():
            if (submission := self._queue.get()) is None:
                self._queue.put(None)  # it stays the last one: nothing is queued after it
                break
            batch.append(submission)
            size += len(submission.events)
        _QUEUE_DEPTH.set(self._queue.qsize())
        return batch

    def _record(self, batch: Sequence[Submission]) -> None:
        """Give every submission its answer, through as many connections as it takes."""
        while batch := [submission for submission in batch if not submission.abandoned]:
            try:
                return _answer(batch, self._commit(batch))
            except psycopg.Error as problem:
                if self._connection is None or self._connection.closed:
                    batch = self._after_loss(batch, problem)
                elif len(batch) == 1:
                    return _answer(batch, [_refused(problem)])
                else:
                    # One of them has something that the database will not take. Alone, each gets its own answer.
                    for submission in batch:
                        self._record([submission])
                    return None
            except Exception as problem:  # noqa: BLE001 - the thread outlives any fault, and the callers hear of it
                self._drop_connection()
                return _answer(batch, [problem] * len(batch))
        return None

    def _commit(self, batch: Sequence[Submission]) -> list[Answer]:
        """One transaction: two round trips, and an answer for each submission."""
        started = time.perf_counter()
        connection = self._connected()
        with connection.pipeline(), connection.transaction():
            # The lock makes position order the order of commits. It is held until the transaction is durable and
            # visible, so whoever reads ``position > last`` never sees a later fact before an earlier one, and no
            # position is left out. It must be a statement of its own: each later statement then sees all that was
            # committed before the lock was had, whereas one that took the lock itself would see what was there
            # before it began to wait.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOG_LOCK])
            admission = Admission(_see(connection, batch))
            answers = [_judge(admission, submission) for submission in batch]
            if admission.events:
                _write(connection, admission)
        _COMMIT_SECONDS.observe(time.perf_counter() - started)
        _BATCH_EVENTS.observe(len(admission.events))
        return answers

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
        return self._connection

    def _after_loss(self, batch: Sequence[Submission], problem: psycopg.Error) -> Sequence[Submission]:
        """The submissions that are worth another connection.

        If there was a connection, nobody knows whether the transaction was committed. Under the lock of the next one
        no trace of it can be under way any more, so there each submission's places are read back (``Admission``).
        """
        for submission in batch:
            submission.in_doubt |= self._connection is not None
        self._drop_connection()
        if not self._closed:
            time.sleep(_RECONNECT_SECONDS)
            return batch
        _answer(batch, [_refused(problem)] * len(batch))
        return ()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _see(connection: Connection, batch: Sequence[Submission]) -> Seen:
    """Everything that the batch is about. The queries travel together and cost one round trip."""
    streams = {str(event.originator_id) for submission in batch for event in submission.events}
    names = {(r.scope, r.name) for s in batch for r in s.reservations if not isinstance(r, GiveBackAll)}
    givers = {s.stream for s in batch if any(isinstance(r, GiveBackAll) for r in s.reservations)}
    requests = {submission.request.causation_id for submission in batch if submission.request}
    doubts = {str(event.originator_id) for submission in batch if submission.in_doubt for event in submission.events}
    last = connection.execute("SELECT coalesce(max(position), 0) FROM log.events")
    versions = _ask(
        connection,
        "SELECT stream, last.version FROM unnest(%s::text[]) AS stream, LATERAL"
        " (SELECT version FROM log.events WHERE events.stream = stream.stream ORDER BY version DESC LIMIT 1) AS last",
        streams,
    )
    wanted = _ask(
        connection,
        "SELECT scope, name, holder FROM unnest(%s::text[], %s::text[]) AS wanted (scope, name)"
        " JOIN log.reservations USING (scope, name)",
        [scope for scope, _ in names],
        [name for _, name in names],
    )
    held = _ask(connection, "SELECT scope, name, holder FROM log.reservations WHERE holder = ANY(%s::text[])", givers)
    asked = _ask(
        connection, "SELECT causation_id, fingerprint FROM log.requests WHERE causation_id = ANY(%s::text[])", requests
    )
    recorded = _ask(
        connection, "SELECT stream, version, position, state FROM log.events WHERE stream = ANY(%s::text[])", doubts
    )
    return Seen(
        position=last.fetchall()[0][0],
        versions=dict(versions()),
        holders={(scope, name): holder for scope, name, holder in (*wanted(), *held())},
        fingerprints=dict(asked()),
        recorded={(stream, version): (position, state) for stream, version, position, state in recorded()},
    )


def _ask(
    connection: Connection, query: LiteralString, *about: Collection[str]
) -> Callable[[], Sequence[tuple[Any, ...]]]:
    """Send the query, unless it is about nothing; the rows come when they are called for."""
    return connection.execute(query, [list(column) for column in about]).fetchall if about[0] else tuple


def _judge(admission: Admission, submission: Submission) -> Answer:
    if submission.abandoned:
        return Unavailable("The caller has given up.")
    try:
        return admission.admit(submission)
    except (VersionConflict, NameTaken, RequestReused) as refusal:
        return refusal


def _write(connection: Connection, admission: Admission) -> None:
    positions, events = zip(*admission.events, strict=True)
    connection.execute(
        "INSERT INTO log.events SELECT * FROM unnest(%b::bigint[], %b::text[], %b::integer[], %b::text[], %b::bytea[])",
        [
            list(positions),
            [str(event.originator_id) for event in events],
            [event.originator_version for event in events],
            [event.topic for event in events],
            [event.state for event in events],
        ],
    )
    if admission.holders:
        _write_reservations(connection, admission.holders)
    cursor = connection.cursor()
    if admission.sealed:
        cursor.executemany(
            "INSERT INTO vault.secrets (scope, secret_id, version, nonce, ciphertext) VALUES (%s, %s, %s, %s, %s)",
            [(s.scope, s.secret_id, s.version, s.nonce, s.ciphertext) for s in admission.sealed],
        )
    if admission.requests:
        cursor.executemany(
            "INSERT INTO log.requests (causation_id, fingerprint, stream, first_position, last_position)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(r.causation_id, r.fingerprint, stream, first, last) for r, stream, first, last in admission.requests],
        )
    connection.execute("SELECT pg_notify(%s, %s)", [EVENTS, str(positions[-1])])


def _write_reservations(connection: Connection, holders: Mapping[Name, str | None]) -> None:
    cursor = connection.cursor()
    cursor.executemany("DELETE FROM log.reservations WHERE scope = %s AND name = %s", list(holders))
    if taken := [(*name, holder) for name, holder in holders.items() if holder]:
        cursor.executemany("INSERT INTO log.reservations (scope, name, holder) VALUES (%s, %s, %s)", taken)


def _answer(batch: Sequence[Submission], answers: Sequence[Answer]) -> None:
    """Tell all callers; those of one event loop together, for each call into a loop wakes it by a system call."""
    told: defaultdict[asyncio.AbstractEventLoop | None, list[tuple[Submission, Answer]]] = defaultdict(list)
    for submission, answer in zip(batch, answers, strict=True):
        future = submission.positions
        told[future.get_loop() if isinstance(future, asyncio.Future) else None].append((submission, answer))
    for loop, pairs in told.items():
        if loop is None:
            _tell(pairs)
        else:
            with suppress(RuntimeError):  # a loop that is closed has nobody who waits
                loop.call_soon_threadsafe(_tell, pairs)
    for outcome, number in Counter(map(_outcome, answers)).items():
        _APPENDS.labels(outcome).inc(number)


def _tell(pairs: Sequence[tuple[Submission, Answer]]) -> None:
    for submission, answer in pairs:
        if submission.positions.done():  # the caller has given up
            continue
        if isinstance(answer, Exception):
            submission.positions.set_exception(answer)
        else:
            submission.positions.set_result(answer)


def _outcome(answer: Answer) -> str:
    return type(answer).__name__ if isinstance(answer, Exception) else "recorded"


def _refused(problem: psycopg.Error) -> Exception:
    """What callers hear of it: ``Unavailable`` for whatever passes by waiting, else the database's own words."""
    if isinstance(problem, psycopg.OperationalError):
        return Unavailable(f"The database cannot record the change at the moment: {problem}")
    return problem
