"""How long an event takes from its commit to the frame at a client, with many readers and many events."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import msgspec
import uvloop

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.reading import Progress
from adapters.settings import Address, Settings, private_directory
from bench.paced import paced
from bench.quantiles import quantile
from bench.results import Figure, Finding, at_most
from commands.ports import Append
from domain.deployment import CommitResolved, DeploymentQueued, Recipe
from domain.fact import Fact
from domain.history import Actor, Context
from domain.identifiers import (
    CausationId,
    ConnectionId,
    DeploymentId,
    EnvironmentId,
    ProjectId,
    RequestId,
    StreamName,
    TenantId,
    stream,
    uuid7,
)
from domain.project import (
    BuildConfig,
    EnvironmentAdded,
    EnvironmentPlan,
    ProjectCreated,
    ProjectType,
    RuntimeConfig,
)
from services.bootstrap import Credentials
from services.embedded import nats_running, postgres_running
from services.parts import said_ready
from services.wiring import SystemClock
from tests.system.planes import free_port, until

READERS, EVENTS_PER_SECOND = 200, 500
PARTS = ("worker", "api")
"""All that an event passes on its way. An executor would have begun to work on what is only talked of here."""
PATIENCE_SECONDS = 10.0
_ROOT = Path(__file__).parents[1]
_COMMIT = re.compile(rb'"commit":"([^"]+)"')


def run(*, quick: bool) -> Finding:
    """One stretch of events, at the same pace all the time."""
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, served(Path(directory)) as settings:
        return uvloop.run(_run(settings, READERS // 10 if quick else READERS, 1 if quick else 30))


@contextmanager
def served(directory: Path) -> Iterator[Settings]:
    """API and worker, with servers of their own."""
    with postgres_running(directory / "pg") as database, nats_running(directory / "nats") as nats:
        settings = Settings(
            data_dir=private_directory(directory / "data"),
            http=Address("127.0.0.1", free_port()),
            database_url=database,
            nats_url=nats,
            log_level="warning",
        )
        started = []
        try:
            for part in PARTS:
                argv = [sys.executable, "-m", "services.role", part]
                started.append(subprocess.Popen(argv, env=os.environ | settings.environ(), cwd=_ROOT))
            until(lambda: all(said_ready(settings.run_dir, part) for part in PARTS), 30)
            yield settings
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


class Deployment:
    """One deployment's stream of facts, and when each was asked for, durable, and seen by its reader."""

    def __init__(self, tenant: TenantId, number: int) -> None:
        self.id = DeploymentId(uuid7())
        self.number = number
        self.version = 0
        self.asked: dict[bytes, float] = {}
        self.durable: dict[bytes, float] = {}
        self.seen: dict[bytes, float] = {}
        self.followed = asyncio.Event()
        """Set once its reader has the first frame."""
        self._tenant = tenant
        self._turn = asyncio.Lock()

    async def begin(self, log: EventLog) -> None:
        """Queue it, in a project of its own."""
        project_id, place = ProjectId(uuid7()), EnvironmentId(uuid7())
        recipe = Recipe(
            type=ProjectType.STATIC,
            connection_id=ConnectionId(uuid7()),
            root_directory="",
            build=BuildConfig(),
            runtime=RuntimeConfig(),
        )
        created = ProjectCreated(
            project_id=project_id,
            name=str(self.number),
            slug=f"events-{self.number}",
            type=recipe.type,
            connection_id=recipe.connection_id,
            root_directory="",
            production_branch="main",
            build=recipe.build,
            runtime=recipe.runtime,
        )
        plan = EnvironmentPlan(environment_id=place, name="production", branch="main", label=f"events-{self.number}")
        added = EnvironmentAdded(project_id=project_id, environment=plan)
        await self._append(log, stream("project", project_id), 0, created, added)
        queued = DeploymentQueued(
            deployment_id=self.id,
            number=self.number,
            project_id=project_id,
            environment_id=place,
            branch="main",
            recipe=recipe,
        )
        await self._record(log, queued)

    async def event(self, log: EventLog) -> None:
        """One event, which its reader is to see: the commit that a frame shows tells which."""
        async with self._turn:
            name = f"{self.version:040}"
            self.asked[name.encode()] = perf_counter()
            await self._record(log, CommitResolved(deployment_id=self.id, commit=name, message="", author=""))
            self.durable[name.encode()] = perf_counter()

    async def _record(self, log: EventLog, fact: Fact) -> None:
        await self._append(log, stream("deployment", self.id), self.version, fact)
        self.version += 1

    async def _append(self, log: EventLog, name: StreamName, version: int, *facts: Fact) -> None:
        context = Context(
            tenant_id=self._tenant,
            actor=Actor(name="bench"),
            correlation_id=RequestId(uuid7()),
            causation_id=CausationId(uuid7()),
            at=SystemClock().now(),
        )
        await log.append(Append(stream=name, version=version, facts=facts, context=context))


class Reader(asyncio.Protocol):
    """Notes when the frame of each event came."""

    def __init__(self, deployment: Deployment, request: bytes) -> None:
        self._deployment = deployment
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        transport.write(self._request)  # type: ignore[attr-defined]  # it is a stream's

    def data_received(self, data: bytes) -> None:
        """Frames are small and come whole."""
        came = perf_counter()
        if b"event: status" in data or b'"type":"status"' in data:
            self._deployment.followed.set()
        for commit in _COMMIT.findall(data):
            self._deployment.seen.setdefault(commit, came)


async def _run(settings: Settings, readers: int, seconds: float) -> Finding:
    credentials = msgspec.json.decode(settings.credentials_file.read_bytes(), type=Credentials)
    deployments = [Deployment(credentials.tenant_id, number) for number in range(1, readers + 1)]
    async with Database.open(settings.database_url) as database, EventLog.open(database) as log:
        await asyncio.gather(*(one.begin(log) for one in deployments))
        async with Progress.open(database) as progress:
            assert await progress.passed(await log.head(), PATIENCE_SECONDS), "the deployments cannot be read"
        async with _reading(settings, credentials, deployments):
            turns = cycle(deployments)
            await paced(lambda: next(turns).event(log), EVENTS_PER_SECOND * readers / READERS, seconds)
            await _last_frames(deployments)
    return _finding(deployments, seconds)


@asynccontextmanager
async def _reading(settings: Settings, who: Credentials, deployments: Sequence[Deployment]) -> AsyncIterator[None]:
    """One reader for each deployment."""
    loop, address = asyncio.get_running_loop(), (settings.http.host, settings.http.port)
    async with AsyncExitStack() as stack:
        for one in deployments:
            path = f"/tenants/{who.tenant_id}/deployments/{one.id}/stream"
            head = f"Host: {settings.http}\r\nAuthorization: Bearer {who.token}\r\n\r\n"
            request = f"GET {path} HTTP/1.1\r\n{head}".encode()
            transport, _ = await loop.create_connection(partial(Reader, one, request), *address)
            stack.callback(transport.close)
        async with asyncio.timeout(PATIENCE_SECONDS):
            for one in deployments:
                await one.followed.wait()
        yield


async def _last_frames(deployments: Sequence[Deployment]) -> None:
    """Wait for the last frame of each; what does not come counts as missing."""
    deadline = perf_counter() + PATIENCE_SECONDS
    for one in deployments:
        while not one.seen.keys() >= {*list(one.durable)[-1:]} and perf_counter() < deadline:  # noqa: ASYNC110 - once
            await asyncio.sleep(0.05)


def _finding(deployments: Sequence[Deployment], seconds: float) -> Finding:
    heard = [list(_heard(one)) for one in deployments]
    durable = [taken for one in heard for taken, _ in one]
    asked = [taken for one in heard for _, taken in one]
    events, frames = sum(len(one.durable) for one in deployments), sum(len(one.seen) for one in deployments)
    how = (
        f"Facts of {len(deployments)} deployments, appended by a process of the bench's own at random moments, "
        f"{events / seconds:,.0f} a second for {seconds:g} s; each deployment's event stream has one reader. Measured "
        "from when an append is answered, which is a moment after the commit, until the reader has the frame that shows"
        " the fact, or a later one of the same deployment. API and worker run as they do in a plane, with servers of "
        "their own."
    )
    figures = [
        at_most("p50", quantile(durable, 0.5) * 1000, 6, "ms"),
        at_most("p99", quantile(durable, 0.99) * 1000, 25, "ms"),
        Figure("from the append's answer to the frame", fine(durable)),
        Figure("from asking for the append to the frame", fine(asked)),
        Figure("events of which no frame told", f"{events - len(durable)} of {events:,}", "0", events == len(durable)),
        Figure("frames that told of more than one event", f"{events - frames:,}"),
    ]
    note = (
        "On the way are two transactions and two notifications: the append, NOTIFY, the projector's read and its "
        "transaction, NOTIFY, and one look of the API at the deployments that it names. Events that come"
        " while a page is projected or a look is under way go with the next one, so under load the delay is one and a"
        " half rounds of either. The projector's word is believed without a look at the checkpoints; lines are looked"
        " for once a second and not with every fact."
    )
    return Finding("an event committed, to its frame at a client", how, figures, [note])


def fine(seconds: Sequence[float]) -> str:
    """p50, p95, p99 and the worst, in tenths of a millisecond."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}
    return " · ".join(f"{name} {quantile(seconds, share) * 1000:.1f}" for name, share in shares.items()) + " ms"


def _heard(deployment: Deployment) -> Iterator[tuple[float, float]]:
    """For each event, the seconds from its durability and from its asking until its reader knew it or a later one."""
    came: float | None = None
    for name in reversed(deployment.durable):
        came = deployment.seen.get(name, came)
        if came is not None:
            yield max(0.0, came - deployment.durable[name]), came - deployment.asked[name]
