"""Many processes write and read one log at once, and it is one log to all of them."""

import subprocess
import sys
from pathlib import Path

import msgspec
import psycopg

from adapters.database import ensure_schema
from tests.machines import crowd


def test_sixteen_writing_and_eight_reading_processes_agree_on_one_log_without_gaps(database_url: str) -> None:
    ensure_schema(database_url)
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, crowd.__file__, database_url]
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, timeout=90, check=True)
    seen = msgspec.json.decode(done.stdout, type=crowd.Seen)

    with psycopg.connect(database_url) as connection:
        query = "SELECT stream, version, position FROM log.events ORDER BY position"
        places = connection.execute(query).fetchall()
    positions = list(range(1, len(places) + 1))
    assert [position for _, _, position in places] == positions
    assert sorted(seen.acknowledged) == sorted(places)  # each event is there once, and somebody was told so
    assert seen.read == [positions] * crowd.READERS
    assert seen.untrue == []  # nobody was refused unless somebody had been faster
    assert len(places) > crowd.WRITERS * crowd.CALLERS
