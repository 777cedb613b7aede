"""``shipbook api``: serves the HTTP API. It holds nothing, so there may be many, anywhere."""

import asyncio
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from litestar import Litestar

from adapters.callers import Callers
from adapters.database import PROJECTED, Unavailable
from adapters.databases.measuring import Measurements
from adapters.http.application import create_app, dismiss_readers
from adapters.http.parts import Health, Parts
from adapters.http.protocol import BoundedProtocol
from adapters.linestore import LineStore
from adapters.lockout import Lockout
from adapters.nats.connecting import Connection
from adapters.nats.doorbell import Doorbells
from adapters.nats.subjects import log_bell
from adapters.notifications.deliveries import Deliveries
from adapters.operations import Operations
from adapters.reading import Progress
from adapters.runtime.measurements import InstanceMeasurements
from adapters.settings import Address, Settings
from adapters.uses import Uses
from services.embedded import nats_url
from services.part_metrics import parts_counted
from services.parts import State, read_isolation, read_parts
from services.process import Ready, run
from services.programs import CannotStart
from services.wiring import Core, core

CONNECTIONS = 12
"""To the database."""

MOST_FILES = 65_536
"""That we may have open, live readers among them."""

GRACE_SECONDS = 10
"""So long requests that are under way may take when the process stops."""

ASKED_ITSELF = frozenset({"api", "nats", "postgres"})
"""Supervised parts about which their supervisor is not asked."""

LAG_SECONDS = 1.0
"""A projector that stands still for so long, while there are facts, is not well."""


def main(settings: Settings) -> int:
    """Serve until stopped."""
    allow_connections()
    return run("api", settings, serve)


def allow_connections() -> None:
    """Take as many connections as the system lets us have: each is a file, and 1024 is what processes begin with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


async def serve(settings: Settings, ready: Ready) -> None:
    """Serve until cancelled; then requests under way are finished, and live readers sent away."""
    with listening(settings.http) as listener, parts_counted(settings.run_dir):
        async with (
            core(settings, connections=CONNECTIONS) as built_on,
            Progress.open(built_on.database) as progress,
            Uses.open(built_on.database) as uses,
            Connection(lambda: nats_url(settings), name="shipbook api") as connection,
            Doorbells(connection) as doorbells,
        ):
            parts = Parts(
                log=built_on.log,
                handler=built_on.handler,
                numbers=built_on.numbers,
                vault=built_on.vault,
                reader=built_on.reader,
                within=built_on.reader.within,
                callers=Callers(built_on.reader, built_on.database, progress),
                progress=progress,
                told=lambda: built_on.database.news(PROJECTED),
                lines=LineStore(built_on.database),
                doorbell=lambda log_id: doorbells.bell(log_bell(log_id)),
                operations=Operations(built_on.database),
                instances=InstanceMeasurements(built_on.database),
                measurements=Measurements(built_on.database),
                deliveries=Deliveries(built_on.database),
                uses=uses,
                quotas=built_on.quotas,
                lockout=Lockout(built_on.database),
                clock=built_on.clock,
                settings=settings,
                probe=lambda: probed(built_on, progress, connection),
            )
            await served(create_app(parts), listener, ready)


@contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """A socket that listens at ``address``. Raises ``CannotStart``."""
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listener = socket.create_server((address.host, address.port), family=family, backlog=2048)
    except OSError as problem:
        raise CannotStart(
            f"The API cannot listen at {address}: {problem.strerror}. Stop what does, or choose another with --http."
        ) from problem
    # What it accepts inherits this. Heads and bodies are written apart: without it a body waits for the peer to have
    # acknowledged the head, which many do 40 ms late.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener


async def served(app: Litestar, listener: socket.socket, ready: Ready) -> None:
    """Serve ``app`` on ``listener`` until cancelled; ``ready`` is called once it serves."""
    config = uvicorn.Config(
        app,
        loop="none",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, ready)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await asyncio.shield(serving)
    finally:
        if server.started:
            dismiss_readers(app)
        server.should_exit = True
        await asyncio.wait({serving})


class _Server(uvicorn.Server):
    """Says when it serves, and leaves the signals to the process's own frame."""

    def __init__(self, config: uvicorn.Config, ready: Ready) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def probed(built_on: Core, progress: Progress, connection: Connection) -> Sequence[Health]:
    """How the database, the read models, NATS and, where they are supervised, the other processes are."""
    try:
        head = await built_on.log.head()
    except Unavailable:
        stored = [Health(name="database", state="down", message="It does not answer. See the log of the API.")]
    else:
        stored = [Health(name="database", state="ok"), await _read_models(progress, head)]
    return [*stored, _nats(connection), *_supervised(built_on.settings), *_sandboxes(built_on.settings)]


async def _read_models(progress: Progress, head: int) -> Health:
    if await progress.passed(head, LAG_SECONDS):
        return Health(name="read models", state="ok")
    message = f"They are {head - progress.known} facts behind. Is a worker running? See `shipbook ops lag`."
    return Health(name="read models", state="down", message=message)


def _nats(connection: Connection) -> Health:
    if connection.connected:
        return Health(name="nats", state="ok")
    message = f"Not reachable at {connection.shown}. Builds and rollbacks wait for it, and news comes by polling."
    return Health(name="nats", state="degraded", message=message)


def _supervised(settings: Settings) -> list[Health]:
    return [
        Health(name=part.name, state="ok" if part.state is State.READY else "down", message=_said(part.state))
        for part in read_parts(settings.run_dir)
        if part.name not in ASKED_ITSELF
    ]


def _sandboxes(settings: Settings) -> list[Health]:
    isolation = read_isolation(settings.run_dir)
    if isolation is None:
        return []
    return [Health(name="sandboxes", state="ok" if isolation.whole else "degraded", message=isolation.sentence)]


def _said(state: State) -> str:
    return "" if state is State.READY else f"It is {state}."
