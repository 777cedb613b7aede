"""Lists at a million deployments in a thousand workspaces, against the same lists where there is only one."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx
import psutil
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
Where the time of a list goes: {api:.2f} ms of CPU in the API and {postgres:.2f} ms in Postgres, against {bare:.2f} ms
for the route without a database; two cores with nothing else to do would give {most:.2f} of its rate. By samples of
the API: a quarter is the question, a tenth each who calls, sending, and counting and logging the request, a twelfth
each decoding the rows and putting them into the document's words; the rest are parameters, routing and the server. In
Postgres, alone on a connection: two fifths are counting a thousand index entries, a third is the JSON of 51 rows of 26
columns, a sixth finding and reading them, the rest environments and the statement itself. That is where the shared
buffers of the server (64 MB) hold what is asked for; a million deployments take more, and each list twice the time.

A page by number passes over the rows before it in the index, each of which costs about 0.16 µs; behind a cursor
nothing is passed over.

What helped: reading a page in the order of its index, in place of joining rows to keys (a third of Postgres); rows and
answers that the collector of cycles does not look at (half of making them); asking past psycopg's cursors (a ninth of
the API); a line of the access log in a quarter of the time, which the route without a database gains as well, and so
the ratio loses. What did not: several readers' statements in one pipeline; rows as JSON by columns, as objects or as
jsonb (a quarter, an eighth and three tenths more for the list's statement), rows as composite texts (the same); the
whole answer made in Postgres, which costs it what it saves the API; an index of tenant and project alone, in which a
count takes half its time (7 % of Postgres, nothing of the rate, for one more index to write). Without any count, as
behind a cursor, Postgres takes a quarter less and the rate gains about an eighth: that is all that a table of counts
could bring, and it would hold for lists without filters alone. Binary columns would halve the rest of Postgres beside
the count, but rows, total and environments then need several results of one moment. Nothing is remembered from one
answer to the next. Even that would not reach the goal where Postgres is asked each time if it still holds: that
question and knowing who calls cost the API more than all that the other route does.
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
    """What was seen in one round, by what was asked; ``spent`` are CPU seconds an answer, by who spent them."""

    spent: dict[str, float]


def _round(served: dict[str, _Lists], bare: str, seconds: float) -> _Round:
    small, large, long = served["small"], served["large"], served["long"]
    found = _Round(
        {
            "small": small.seen(seconds, CALM),
            "large": large.seen(seconds, CALM),
            "last": large.seen(seconds, CALM, last=True),
            "long": long.seen(seconds / 2, CALM),
            "long last": long.seen(seconds / 2, CALM, last=True),
        }
    )
    standing = _standing()
    found["large busy"] = large.seen(seconds, BUSY)
    found.spent = _spent(standing, len(found["large busy"].latencies))
    standing = _standing()
    found["bare busy"] = _seen(bare, [("/listing", "")], seconds, BUSY)
    found.spent["bare"] = _spent(standing, len(found["bare busy"].latencies))["api"]
    return found


def _standing() -> dict[tuple[str, int], float]:
    """The CPU seconds of each process that we started, by what it is."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            kind = "postgres" if process.name() == "postgres" else "api"
            found[kind, process.pid] = sum(process.cpu_times()[:2])
    return found


def _spent(before: Mapping[tuple[str, int], float], answers: int) -> dict[str, float]:
    spent = dict.fromkeys(("api", "postgres"), 0.0)
    for process, seconds in _standing().items():
        spent[process[0]] += (seconds - before.get(process, 0.0)) / answers
    return spent


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
    spent = {who: median([one.spent[who] for one in rounds]) * 1000 for who in ("api", "postgres", "bare")}
    asking = median([one["large busy"].cpu / len(one["large busy"].latencies) for one in rounds]) * 1000
    most = spent["bare"] / max(spent["api"], (spent["api"] + spent["postgres"] + asking) / 2)
    return Finding("lists at a million deployments", how, figures, [NOTE.format(**spent, most=most).strip()])


def database_of(url: str, name: str) -> str:
    """The URL of an empty database of this name beside that of ``url``."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _address(directory: Path, name: str) -> Address:
    return Address("127.0.0.1", kept_port(directory / f"{name}.port"))
