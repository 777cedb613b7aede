"""A command's latency, from POST until it is durable and can be read, against a plain route with one transaction."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

import httpx
import psutil
import psycopg
import uvloop

from adapters.settings import Settings
from bench.paced import Client, paced
from bench.plain_route import plain_route
from bench.planes import Plane, measured
from bench.quantiles import median, quantile
from bench.results import Figure, Finding, at_most
from bench.rows import rate
from services.embedded import database_url
from tests.system.planes import free_port

CALLERS = 16
"""Side by side, to find out what the API can take at the most."""
COMMIT, DELAY = "shipbook_append_commit_seconds", "shipbook_projection_delay_seconds"
READ_EACH = 20
"""So many commands apart, what was written is read back at once."""

Rounds = Sequence[Sequence[float]]
"""The latencies of each round, in seconds."""


def run(*, quick: bool) -> Finding:
    """Rounds of ours and of the plain route, at half of what ours can take."""
    with measured() as (plane, _):
        url, address = database_url(Settings(data_dir=plane.directory)), f"127.0.0.1:{free_port()}"
        with plain_route(url, address):
            rounds, seconds = (1, 0.5) if quick else (7, 8.0)
            return uvloop.run(_run(plane, address, rounds, seconds))


class Commands:
    """Connects repositories, each under a name of its own; the answer comes once that can be read."""

    def __init__(self, plane: Plane, client: Client) -> None:
        self._client = client
        self._numbers = count(1)
        self._path = f"/tenants/{plane.credentials['tenantId']}/repository-connections"
        self._head = f"Host: {plane.http}\r\nAuthorization: Bearer {plane.credentials['token']}\r\n"
        self.read = 0

    async def __call__(self) -> None:
        """One command."""
        number = next(self._numbers)
        body = json.dumps({"name": f"shop-{10**9 - number}", "url": "https://example.com/shop.git"})
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        status, answer = await self._client.ask(f"POST {self._path} HTTP/1.1\r\n{self._head}{kind}{body}".encode())
        assert status == 201, answer
        if number % READ_EACH == 0:
            await self._require_shown(json.loads(answer)["id"])

    async def _require_shown(self, wanted: str) -> None:
        """It stands on the first page of the list, which is ordered by name: each comes before all earlier ones."""
        asked = f"GET {self._path}?pageSize=200 HTTP/1.1\r\n{self._head}\r\n".encode()
        status, answer = await self._client.ask(asked)
        assert status == 200, answer
        assert wanted in answer.decode(), "what was written cannot be read"
        self.read += 1


async def _run(plane: Plane, plain: str, rounds: int, seconds: float) -> Finding:
    async with Client.open(plane.http) as ours, Client.open(plain) as theirs:
        commands = Commands(plane, ours)
        request = f"POST /raw HTTP/1.1\r\nHost: {plain}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

        async def raw() -> None:
            status, answer = await theirs.ask(request)
            assert status == 201, answer

        for once in (raw, commands):
            await rate(CALLERS, seconds / 8, lambda _, once=once: once())  # what is slow at first alone
        most = await rate(CALLERS, seconds / 2, lambda _: commands())
        counted, plain_rounds, our_rounds = Counted(plane), [], []
        for _ in range(rounds):
            plain_rounds.append(await paced(raw, most / 2, seconds))
            with counted.counting():
                our_rounds.append(await paced(commands, most / 2, seconds))
    how = (
        "`POST …/repository-connections`, which answers once its fact is durable and the read models show it, against "
        "a Litestar route under the same server whose handler does one INSERT + COMMIT of as many bytes by psycopg. "
        f"Requests come at random moments (a Poisson process), {most / 2:,.0f} a second: half of what {CALLERS} callers"
        f" got answered. A latency counts from when the request was due. {rounds} interleaved rounds of {seconds:g} s"
        f" on one plane and one PostgreSQL; {commands.read} commands were read back right after their answers."
    )
    notes = [_note(counted, sum(map(len, our_rounds)))]
    return Finding("a command, durable and readable", how, _figures(our_rounds, plain_rounds, most), notes)


def _figures(ours: Rounds, plain: Rounds, most: float) -> list[Figure]:
    figures = [Figure(f"commands/s at the most, {CALLERS} callers", f"{most:,.0f}")]
    for share, goal in ((0.5, 1.6), (0.99, 2.5)):
        mine, theirs = ([quantile(latencies, share) for latencies in rounds] for rounds in (ours, plain))
        ratio = median([one / other for one, other in zip(mine, theirs, strict=True)])
        name = f"p{share * 100:g}"
        shown = f"{name}, a command", f"{median(mine) * 1000:.1f} ms"
        figures += [
            Figure(*shown, "≤ 25 ms", median(mine) <= 0.025) if share == 0.99 else Figure(*shown),
            Figure(f"{name}, the plain route", f"{median(theirs) * 1000:.1f} ms"),
            at_most(f"{name}: ratio", ratio, goal),
        ]
    return figures


class Counted:
    """What the plane has counted meanwhile: the CPU seconds of its processes, and the sums of its histograms."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._totals: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what happens in the block."""
        before = self._standing()
        yield
        after = self._standing()
        for name in after:
            self._totals[name] += after[name] - before[name]

    def __getitem__(self, name: str) -> float:
        return self._totals[name]

    def mean(self, histogram: str) -> float:
        """The mean of what a histogram has observed."""
        return self[f"{histogram}_sum"] / max(self[f"{histogram}_count"], 1)

    def _standing(self) -> defaultdict[str, float]:
        standing: defaultdict[str, float] = defaultdict(float)
        assert self._plane.process
        for process in psutil.Process(self._plane.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                name = "postgres" if process.name() == "postgres" else "others"
                standing[name] += sum(process.cpu_times()[:2])
        for line in httpx.get(f"http://{self._plane.http}/metrics").text.splitlines():
            name, _, value = line.rpartition(" ")
            if not line.startswith("#"):
                standing[name.partition("{")[0]] += float(value)
        with psycopg.connect(self._plane.database_url) as connection:
            counted = connection.execute("SELECT sum(xact_commit) FROM pg_stat_database").fetchone()
            standing["transactions"] = float(counted[0]) if counted else 0.0
        return standing


def _note(counted: Counted, commands: int) -> str:
    """Where a command's time goes, as the plane itself has counted it."""
    commit, shown = (counted.mean(name) * 1000 for name in (COMMIT, DELAY))
    postgres, others = (counted[name] / commands * 1000 for name in ("postgres", "others"))
    transactions = counted["transactions"] / commands
    return (
        f"Where the time goes, in means of all rounds: {commit:.1f} ms to record a batch of appends, durable; "
        f"{shown:.1f} ms from the command's own time, behind the look-up that knows its caller, until the read models "
        "show its fact: the append, NOTIFY, the projector's reading of the log, its statement, and NOTIFY back. "
        f"A command takes {postgres + others:.1f} ms of CPU in all, {postgres:.1f} of them in PostgreSQL, so two cores"
        f" take {2000 / (postgres + others):,.0f} a second at the most, without what the bench's own client needs. It"
        " waits for five statements one after another, in two processes: whether its caller has changed, the append"
        " with its names and request, the log behind the projector, all changes of the page with its checkpoint, and"
        " the row that is the answer. The plain route waits for one, so 1.6 times its latency is out of reach for"
        f" answers that can be read back. PostgreSQL does {transactions:.1f} transactions a command with the"
        " checkpoints of relay and reactor, which wait until it is quiet, and all looks of the plane's processes."
        " Something made under an id just drawn is not looked for first; the projector, relay and reactor share each"
        " reading of the log, and read nothing that no notification told of."
    )
