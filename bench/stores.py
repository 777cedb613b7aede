"""The event stores that the log is measured against, each in a database of its own on the same server.

A store is a function: for so many seconds, 64 callers append one event after another, each to a stream of its own and
at the version that it knows. It returns appends a second.
"""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from time import perf_counter
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from bench.peers import installing

Store = Callable[[float], float]

CALLERS = 64
TAG = "deployment.leased"

EMMETT_CONNECTIONS = 16
MESSAGE_DB_CONNECTIONS = 8
EVENTSOURCING_CONNECTIONS = 4
"""With so many, each store was fastest on two cores."""


@contextmanager
def emmett(url: str, state: bytes) -> Iterator[Store]:
    """Emmett's PostgreSQL event store under Node."""
    database = fresh_database(url, "emmett")
    with _driven("emmett.mjs", database, EMMETT_CONNECTIONS, state) as store:
        yield store


@contextmanager
def message_db(url: str, state: bytes) -> Iterator[Store]:
    """message-db's SQL functions, called from Node by ``pg``."""
    database = fresh_database(url, "message_db")
    layout = installing.node() / "node_modules" / "@eventide" / "message-db" / "database"
    with psycopg.connect(database, options="-c search_path=message_store") as connection:
        for part in ("schema", "tables", "types", "functions", "indexes"):  # the extension is built in by now
            for file in sorted((layout / part).glob("*.sql")):
                connection.execute(file.read_bytes())
    with _driven("message_db.mjs", database, MESSAGE_DB_CONNECTIONS, state) as store:
        yield store


@contextmanager
def eventsourcing(url: str, state: bytes) -> Iterator[Store]:
    """The recorder that comes with the library ``eventsourcing``, as it is by default: it locks the table."""
    parts = {name: str(part) for name, part in conninfo_to_dict(fresh_database(url, "eventsourcing")).items()}
    datastore = PostgresDatastore(
        parts["dbname"],
        parts["host"],
        parts["port"],
        parts["user"],
        password="",
        pool_size=EVENTSOURCING_CONNECTIONS,
        connect_timeout=30,  # seconds that a caller waits for a connection
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()
    streams = [(uuid4(), count(1)) for _ in range(CALLERS)]

    def append(seconds: float) -> float:
        began = perf_counter()

        def caller(number: int) -> int:
            stream, versions = streams[number]
            done = 0
            while perf_counter() - began < seconds:
                recorder.insert_events([StoredEvent(stream, next(versions), TAG, state)])
                done += 1
            return done

        with ThreadPoolExecutor(CALLERS) as pool:
            return sum(pool.map(caller, range(CALLERS))) / (perf_counter() - began)

    yield append
    datastore.close()


@contextmanager
def _driven(program: str, url: str, connections: int, state: bytes) -> Iterator[Store]:
    """A store under Node, which is told on its standard input how long to append."""
    argv = ["node", str(installing.node() / program), url, str(CALLERS), str(connections), state.decode()]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin
        assert node.stdout

        def append(seconds: float) -> float:
            print(seconds, file=node.stdin, flush=True)
            return float(node.stdout.readline())

        try:
            yield append
            node.stdin.close()
            node.wait(10)
        finally:
            node.kill()


def fresh_database(url: str, name: str) -> str:
    """The URL of one more database of the server at ``url``."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return urlsplit(url)._replace(path=f"/{name}").geturl()
