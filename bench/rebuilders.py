"""What a rebuild of read models is measured against: two libraries that make rows of events, one event at a time.

Each makes a row for every event and one for every stream: fewer than Shipbook makes of as many facts.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from time import perf_counter
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bench.peers import installing
from bench.stores import fresh_database

EVENTS = 1200
"""So many are made rows of in one turn, a few seconds long."""
_OF_A_STREAM = 12
_numbers = count(1)

Rebuild = Callable[[], float]
"""Rebuilds once; the events a second."""


class Deployment(Aggregate):  # type: ignore[misc]  # the library's own typing of aggregates
    """A stream."""

    @event("Moved")
    def move(self, status: str, actor: str, at: datetime) -> None:  # noqa: ARG002 - they are the event's
        """Something that happens to it."""
        self.status = status


@dataclass(frozen=True)
class _Row:
    """What one event makes of the two tables."""

    stream: str
    version: int
    type: str
    at: datetime
    sentence: str


class Rows(PostgresTrackingRecorder):
    """The tables, with the library's own record of how far they are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prefix = self.tracking_table_name
        self.sql_create_statements += [
            self._named(
                "CREATE TABLE IF NOT EXISTS {} (position bigint PRIMARY KEY, stream text, type text, at timestamptz,"
                " sentence text)",
                "audit",
            ),
            self._named(
                "CREATE TABLE IF NOT EXISTS {} (stream text PRIMARY KEY, status text, updated_at timestamptz,"
                " version int)",
                "streams",
            ),
        ]

    def _named(self, text: str, table: str) -> sql.Composed:
        return sql.SQL(text).format(sql.Identifier(self.datastore.schema, f"{self._prefix}_{table}"))  # type: ignore[arg-type]

    def put(self, row: _Row, tracking: Tracking) -> None:
        """The rows of one event and the tracking, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                self._named("INSERT INTO {} VALUES (%s, %s, %s, %s, %s)", "audit"),
                (tracking.notification_id, row.stream, row.type, row.at, row.sentence),
            )
            cursor.execute(
                self._named(
                    "INSERT INTO {} VALUES (%s, %s, %s, %s) ON CONFLICT (stream) DO UPDATE SET"
                    " status = excluded.status, updated_at = excluded.updated_at, version = excluded.version",
                    "streams",
                ),
                (row.stream, row.type, row.at, row.version),
            )


@contextmanager
def eventsourcing(url: str) -> Iterator[Rebuild]:
    """The library ``eventsourcing``: its ``ProjectionRunner`` with its PostgreSQL tracking recorder."""
    parts = conninfo_to_dict(fresh_database(url, "projected"))
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts["port"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": "",
    }
    with Application[Any](env) as application:
        last = _told(application)

        def rebuild() -> float:
            view = type("View", (_View,), {"name": f"view{next(_numbers)}"})
            began = perf_counter()
            with ProjectionRunner(
                application_class=Application[Any], projection_class=view, view_class=Rows, env=env
            ) as runner:
                runner.wait(last, timeout=60)
            return EVENTS / (perf_counter() - began)

        yield rebuild


class _View(Projection[Rows]):
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        status = getattr(domain_event, "status", "created")
        row = _Row(
            stream=str(domain_event.originator_id),
            version=domain_event.originator_version,
            type=status,
            at=domain_event.timestamp,
            sentence=f"{getattr(domain_event, 'actor', 'somebody')} {status} {domain_event.originator_id}.",
        )
        self.view.put(row, tracking)


def _told(application: Application[Any]) -> int:
    """A log of so many events; its last position."""
    last = 0
    for _ in range(EVENTS // _OF_A_STREAM):
        deployment = Deployment()
        for number in range(_OF_A_STREAM - 1):
            deployment.move(status=f"step {number}", actor="somebody@example.com", at=datetime.now(UTC))
        last = application.save(deployment)[-1].notification.id
    return last


@contextmanager
def emmett(url: str) -> Iterator[Rebuild]:
    """Emmett's ``rebuildPostgreSQLProjections`` with two Pongo projections, under Node."""
    argv = ["node", str(installing.node() / "rebuild-emmett.mjs"), fresh_database(url, "rebuilt"), str(EVENTS)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin
        assert node.stdout

        def rebuild() -> float:
            print(file=node.stdin, flush=True)
            rate, documents = node.stdout.readline().split()
            assert int(documents) == EVENTS + EVENTS // _OF_A_STREAM
            return float(rate)

        try:
            assert node.stdout.readline() == "ready\n"
            yield rebuild
            node.stdin.close()
            node.wait(10)
        finally:
            node.kill()
