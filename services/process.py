"""The frame of each of our processes: its log, its metrics, its loop, and how it stops."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
import uvloop

from adapters.cancelling import ended
from adapters.database import Unavailable, UnsuitableDatabase
from adapters.master_keys import MasterKeyError
from adapters.metrics import shown_at, shown_on, socket_of
from adapters.observability import configure_logging
from adapters.settings import Settings, private_directory
from services.parts import say_ready
from services.programs import CannotStart

Ready = Callable[[], None]
Work = Callable[[Settings, Ready], Awaitable[None]]
"""What a process does until it is cancelled; it calls the second argument once it serves."""

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 30.0
"""How long a process waits for the database when it starts."""


def run(name: str, settings: Settings, work: Work, *, spawns: bool = False) -> int:
    """Run ``work`` until SIGINT or SIGTERM, then cancel it; returns the exit status.

    ``spawns``: it starts programs, which under uvloop 0.23 hang when several are started at once.
    """
    configure_logging(name, style=settings.log_format, level=settings.log_level)
    try:
        work_on = _until_stopped(name, settings, work)
        return asyncio.run(work_on) if spawns else uvloop.run(work_on)
    except (Unavailable, UnsuitableDatabase, MasterKeyError) as problem:
        raise CannotStart(str(problem)) from problem


async def _until_stopped(name: str, settings: Settings, work: Work) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with _metrics_shown(name, settings):
        return await _worked_until(stop, name, settings, work)


@asynccontextmanager
async def _metrics_shown(name: str, settings: Settings) -> AsyncIterator[None]:
    """What the process counts, to the API of this machine and, where that is wanted, over TCP. Raises CannotStart."""
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = socket_of(private_directory(settings.sockets_dir), name)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(shown_at(path))
            if settings.metrics:
                await stack.enter_async_context(shown_on(settings.metrics))
        except OSError as problem:
            raise CannotStart(
                f"The metrics cannot be shown at {settings.metrics or path}: {problem.strerror or problem}. "
                "Stop what listens there, or choose another SHIPBOOK_METRICS."
            ) from problem
        yield


async def _worked_until(stop: asyncio.Event, name: str, settings: Settings, work: Work) -> int:
    working = asyncio.create_task(_worked(settings, work, lambda: say_ready(settings.run_dir, name)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        working.result()
        return 0
    await ended(working)
    if not working.cancelled() and (problem := working.exception()):
        raise problem
    log.info("stopped")
    return 0


async def _worked(settings: Settings, work: Work, ready: Ready) -> None:
    """Work; where the database is not there yet at the start, wait for it."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    started = False

    def begun() -> None:
        nonlocal started
        started = True
        ready()

    while True:
        try:
            return await work(settings, begun)
        except Unavailable as away:
            if started or asyncio.get_running_loop().time() > deadline:
                raise
            log.warning("waiting for the database", reason=str(away))
            await asyncio.sleep(0.2)
