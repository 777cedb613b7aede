"""Lists at a million deployments in a thousand workspaces, against the same lists where there is only one."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx
import psycopg

from adapters.settings import Address
from bench.asking import Seen, asked
from bench.histories import Workspace
from bench.listed import answering, filled, serving
from bench.quantiles import median, quantile
from bench.results import Figure, Finding, at_least, at_most
from projections.reading import DEEPEST_ROW, PAGE_SIZE
from services.embedded import postgres_running
from services.ports import kept_port

TENANTS = int(os.environ.get("BENCH_TENANTS", "1000"))
"""Workspaces in the large database; each has ``EACH`` deployments."""
EACH = 1000
MANY = 20_000
"""Deployments of the one workspace that has very many."""
BUSY, CALM = 8, 2
"""Connections that ask without a pause, where the rate and where the latency is measured."""

NOTE = """\
Where the time of a list goes, by profile: about 0.8 ms of CPU in the API, of which the route without a
database takes 0.2 too, and 0.7 ms in Postgres (finding 51 keys, their rows, JSON of 23 columns each, counting
a thousand index entries). In the API: psycopg and its pool a sixth, the framework's guards and dependencies a
tenth, decoding rows and turning them into answers an eighth, the access log a tenth. Callers are remembered,
one statement asks for all, and rows are arrays. Sending several readers' statements in one pipeline saved a
tenth in the API and nothing in Postgres; generic plans saved nothing.
"""

Questions = Sequence[tuple[str, str]]


def run(*, quick: bool) -> Finding:
    """Rounds of all lists, one after another; ``quick`` asks one small database for all of them."""
    tenants, each, many = (3, 120, 120) if quick else (TENANTS, EACH, MANY)
    sizes = {"small": (1, each), "large": (tenants, each), "long": (1, many)}
    if quick:
        del sizes["small"], sizes["long"]
    with TemporaryDirectory(prefix="shipbook-bench-") as name, postgres_running(Path(name) / "pg") as url:
        directory = Path(name)
        with ExitStack() as stack:
            served = {}
            for kind, (count, of) in sizes.items():
                database = database_of(url, kind)
                workspaces = asyncio.run(filled(database, count, of))
                address = stack.enter_context(serving(database, _address(directory, kind), directory / kind))
                served[kind] = _Lists(address, workspaces, min(of, DEEPEST_ROW) // PAGE_SIZE)
            served = dict.fromkeys(("small", "long"), served["large"]) | served
            listing = served["large"].answer()
            bare = stack.enter_context(answering(listing, _address(directory, "bare"), directory / "large"))
            rounds = [_round(served, bare, 0.2 if quick else 2.0) for _ in range(1 if quick else 5)]
    return _finding(rounds, tenants, each, many, len(listing))


class _Lists:
    """The lists of one database."""

    def __init__(self, address: str, workspaces: Sequence[Workspace], pages: int) -> None:
        self.address = address
        self._workspaces = Random(0).sample(workspaces, len(workspaces))  # noqa: S311 - the same order each time
        self._pages = pages

    def questions(self, *, last: bool = False) -> Questions:
        """The first or the last page of each workspace's list."""
        page = f"?page={self._pages}" if last else ""
        return [
            (f"/tenants/{w.tenant_id}/projects/{w.project_id}/deployments{page}", w.token) for w in self._workspaces
        ]

    def answer(self) -> bytes:
        """One first page, after all were looked at once and found whole."""
        for path, token in [self.questions()[0], self.questions(last=True)[0]]:
            said = httpx.get(f"http://{self.address}{path}", headers={"Authorization": f"Bearer {token}"})
            assert len(said.raise_for_status().json()["items"]) == PAGE_SIZE, said.text[:300]
        path, token = self.questions()[0]
        return httpx.get(f"http://{self.address}{path}", headers={"Authorization": f"Bearer {token}"}).content

    def seen(self, seconds: float, connections: int, *, last: bool = False) -> Seen:
        """What a client sees."""
        return _seen(self.address, self.questions(last=last), seconds, connections)


def _seen(address: str, questions: Questions, seconds: float, connections: int) -> Seen:
    seen = asked(address, questions, seconds, connections)
    assert not seen.failed, f"{seen.failed} of {len(seen.latencies)} answers were none"
    return seen


class _Round(dict[str, Seen]):
    """What was seen in one round, by what was asked."""


def _round(served: dict[str, _Lists], bare: str, seconds: float) -> _Round:
    small, large, long = served["small"], served["large"], served["long"]
    return _Round(
        {
            "small": small.seen(seconds, CALM),
            "large": large.seen(seconds, CALM),
            "last": large.seen(seconds, CALM, last=True),
            "long": long.seen(seconds / 2, CALM),
            "long last": long.seen(seconds / 2, CALM, last=True),
            "large busy": large.seen(seconds, BUSY),
            "bare busy": _seen(bare, [("/listing", "")], seconds, BUSY),
        }
    )


def _finding(rounds: Sequence[_Round], tenants: int, each: int, many: int, size: int) -> Finding:
    def ratio(part: str, whole: str, share: float) -> float:
        return median([quantile(one[part].latencies, share) / quantile(one[whole].latencies, share) for one in rounds])

    rate = median([one["large busy"].rate / one["bare busy"].rate for one in rounds])
    latencies = " · ".join(
        f"{what} {median([quantile(one[what].latencies, 0.99) for one in rounds]) * 1000:.1f}" for what in rounds[0]
    )
    middles = " · ".join(
        f"{what} {median([quantile(one[what].latencies, 0.5) for one in rounds]) * 1000:.1f}" for what in rounds[0]
    )
    how = (
        f"`GET …/deployments` ({PAGE_SIZE} of {each:,} each, {size / 1000:,.0f} KB, with the total) of `shipbook api` "
        "by kept connections without a pause, in turn over all workspaces and their tokens: "
        f"{tenants:,} workspaces with {tenants * each:,} deployments (large), one with {each:,} (small), one with "
        f"{many:,} (long; its last page by number is {min(many, DEEPEST_ROW):,} rows deep). Rows are projected from a "
        "log, then multiplied with numbers that go on. The route without a database runs in a process of its own with "
        "the same server and outermost layer, and encodes the same list. "
        f"Latencies by {CALM} connections, rates by {BUSY}; {len(rounds)} interleaved rounds, medians of the ratios of "
        "a round."
    )
    figures = [
        at_most("p99, large ÷ small", ratio("large", "small", 0.99), 1.2),
        at_most("p50, last page ÷ first, large", ratio("last", "large", 0.5), 1.5),
        at_most("p50, last page by number ÷ first, long", ratio("long last", "long", 0.5), 1.5),
        at_least("requests/s, large ÷ the route without a database", rate, 0.4),
        Figure("requests/s, large", f"{median([one['large busy'].rate for one in rounds]):,.0f}"),
        Figure("requests/s, without a database", f"{median([one['bare busy'].rate for one in rounds]):,.0f}"),
        Figure("p50 in ms", middles),
        Figure("p99 in ms", latencies),
    ]
    return Finding("lists at a million deployments", how, figures, [NOTE.strip()])


def database_of(url: str, name: str) -> str:
    """The URL of an empty database of this name beside that of ``url``."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _address(directory: Path, name: str) -> Address:
    return Address("127.0.0.1", kept_port(directory / f"{name}.port"))
