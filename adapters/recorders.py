"""The recorder contract of the ``eventsourcing`` library over the same log, committer and tables.

The library's sync contract knows stored events and positions; commands, reservations and secrets are the business of
``adapters.eventlog``. Both hand their events to a ``Committer``.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    DatabaseError,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from adapters.admission import Submission
from adapters.committing import Committer
from adapters.database import EVENTS, Unavailable
from adapters.mapping import Stored
from commands.ports import VersionConflict

_ANSWER_SECONDS = 60
_LISTEN_SECONDS = 0.1


class LogRecorder(ApplicationRecorder):
    """Stored events of any kind, in and out of ``log.events``. Ids of originators are texts.

    ``loop`` is the committer's event loop, which runs in another thread than the caller's.
    """

    def __init__(self, pool: ConnectionPool[Connection], committer: Committer, loop: asyncio.AbstractEventLoop) -> None:
        self.pool = pool
        self._committer = committer
        self._loop = loop

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Record the events, all or none, and return their positions. ``IntegrityError``: a version is taken."""
        if not stored_events:
            return []
        runs = [Stored(str(e.originator_id), e.originator_version, [e.topic], [e.state]) for e in stored_events]
        recording = asyncio.run_coroutine_threadsafe(self._record(runs), self._loop)
        with _library_errors():
            return list(recording.result())

    async def _record(self, runs: Sequence[Stored]) -> range:
        return await self._committer.record(Submission(runs=runs), _ANSWER_SECONDS)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream by version."""
        query = sql.SQL(
            "SELECT stream, version, tag, state FROM log.events WHERE stream = %(stream)s"
            " AND (%(gt)s::integer IS NULL OR version > %(gt)s) AND (%(lte)s::integer IS NULL OR version <= %(lte)s)"
            " ORDER BY version {} LIMIT %(limit)s"
        ).format(sql.SQL("DESC" if desc else "ASC"))
        wanted = {"stream": str(originator_id), "gt": gt, "lte": lte, "limit": limit}
        return [StoredEvent(*row) for row in self._select(query, wanted)]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The events of all streams by position."""
        query = sql.SQL(
            "SELECT stream, version, tag, state, position FROM log.events WHERE position >= %(first)s"
            " AND (%(stop)s::bigint IS NULL OR position <= %(stop)s) AND (%(all)s OR tag = ANY(%(tags)s::text[]))"
            " ORDER BY position LIMIT %(limit)s"
        )
        first = (start or 0) + (not inclusive_of_start)
        wanted = {"first": first, "stop": stop, "all": not topics, "tags": list(topics), "limit": limit}
        return [Notification(*row) for row in self._select(query, wanted)]

    def max_notification_id(self) -> int | None:
        """The last position, None while the log is empty."""
        position: int | None = self._select(sql.SQL("SELECT max(position) FROM log.events"), {})[0][0]
        return position

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Every event behind position ``gt``, and those to come."""
        return LogSubscription(self, gt, topics)

    def _select(self, query: sql.SQL | sql.Composed, wanted: Mapping[str, object]) -> list[tuple[Any, ...]]:
        with _library_errors(), self.pool.connection() as connection:
            return connection.execute(query, wanted, binary=True).fetchall()


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """The library's blocking subscription, woken by Postgres."""

    def __init__(self, recorder: LogRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._listener = Thread(target=self._listen, name="subscription", daemon=True)
        self._listener.start()

    def __exit__(self, *raised: object, **_: Any) -> None:
        super().__exit__(*raised)
        self._listener.join()

    def _listen(self) -> None:
        try:
            with self._recorder.pool.connection() as connection:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(EVENTS)))
                self._has_been_notified.set()  # events may have come while nobody listened
                while not self._has_been_stopped:
                    for _ in connection.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                        self._has_been_notified.set()
                connection.execute("UNLISTEN *")
        except psycopg.Error as problem:
            self._thread_error = self._thread_error or problem
            self.stop()


class PositionRecorder(TrackingRecorder):
    """How far each reader of the log has come (``log.tracking``). A position only ever rises."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move the reader's position on. ``IntegrityError``: it has come as far already."""
        with _library_errors(), self._pool.connection() as connection:
            moved = connection.execute(
                "INSERT INTO log.tracking VALUES (%s, %s) ON CONFLICT (reader) DO UPDATE"
                " SET position = excluded.position WHERE tracking.position < excluded.position",
                [tracking.application_name, tracking.notification_id],
            ).rowcount
        if not moved:
            raise IntegrityError(f"{tracking.application_name} has passed {tracking.notification_id} already")

    def max_tracking_id(self, application_name: str) -> int | None:
        """The reader's position, None before its first."""
        with _library_errors(), self._pool.connection() as connection:
            query = "SELECT position FROM log.tracking WHERE reader = %s"
            row = connection.execute(query, [application_name]).fetchone()
        return row[0] if row else None


@contextmanager
def _library_errors() -> Iterator[None]:
    """Our conditions in the words of the library."""
    try:
        yield
    except VersionConflict as conflict:
        raise IntegrityError(str(conflict)) from conflict
    except (Unavailable, TimeoutError, psycopg.OperationalError) as problem:
        raise OperationalError(str(problem)) from problem
    except psycopg.Error as problem:
        raise DatabaseError(str(problem)) from problem
