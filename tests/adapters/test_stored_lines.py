"""Lines that were stored are read by every later version: an executor that is replaced goes on with what another wrote.

A version that cannot read them gives each such deployment back until it is given up. So whatever a run comes to hold
besides goes behind what it holds, with a default.
"""

from datetime import UTC, datetime
from hashlib import sha256

import psycopg
import pytest

from adapters.database import Database
from adapters.linestore import Chunk, Line, LineStore, Run
from domain.identifiers import LogId

pytestmark = pytest.mark.anyio

LOG = LogId("deployment-1")
SPECIMEN = bytes.fromhex(
    "28b52ffd2058c102009296cf0006445941624000a673797374656dc0c001c4154665746368696e67206272616e6368206d61696e0a96cf"
    "000644594169e120a67374646f7574a56275696c64a57765622d3002c40c7a77c3b66c6620e298830a0a"
)
"""A stored chunk of three lines. It is never changed."""


async def test_lines_that_an_earlier_version_stored_can_be_read(database_url: str) -> None:
    async with Database.open(database_url) as database:
        store = LineStore(database)
        others = Run(0, "stdout", None, None, 3, b"\n\n\n")
        await store.append([Chunk(LOG, (await store.open(LOG)).writer, 1, 3, [others])])
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE lines.chunks SET body = %s", [SPECIMEN])

        lines = await store.read(LOG)
        digest = await store.digest(LOG)

    printed = datetime(2025, 11, 24, 16, 0, 0, 500_000, UTC)
    assert list(lines) == [
        Line(seq=1, at=datetime(2025, 11, 24, 16, tzinfo=UTC), stream="system", text="Fetching branch main"),
        Line(seq=2, at=printed, stream="stdout", text="zwölf ☃", step="build", source="web-0"),
        Line(seq=3, at=printed, stream="stdout", text="", step="build", source="web-0"),
    ]
    assert digest == sha256("Fetching branch main\nzwölf ☃\n\n".encode()).hexdigest()
