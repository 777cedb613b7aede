"""A PostgreSQL server that a test may stop and start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGQUIT, Signals
from subprocess import DEVNULL, Popen
from time import monotonic, sleep

import psycopg

from adapters.settings import Settings, private_directory
from services.embedded import database_url, postgres
from services.programs import spawn


class PostgresServer:
    """One cluster in a directory of its own; its URL stays the same from start to start."""

    def __init__(self, directory: Path) -> None:
        settings = Settings(data_dir=private_directory(directory.absolute()))
        self.url = database_url(settings)
        self._program = postgres(settings)
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        self._program.prepare()
        self._process = spawn(self._program, DEVNULL)
        deadline = monotonic() + 30
        while not self._answers():
            assert monotonic() < deadline, "PostgreSQL does not start"
            sleep(0.02)

    def stop(self, how: Signals = SIGQUIT) -> None:
        """At once, as after a crash (SIGQUIT), or after ending the sessions (SIGINT)."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def server(directory: Path) -> Iterator[PostgresServer]:
    """A running server, stopped at the end."""
    postgres_server = PostgresServer(directory)
    try:
        postgres_server.start()
        yield postgres_server
    finally:
        postgres_server.stop(SIGINT)
