"""``shipbook executor``: works on deployments, rollbacks and restarts, and keeps this machine's applications alive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from adapters.artifacts import Artifacts
from adapters.databases.measuring import Measurements
from adapters.edge.lookup import Lookup
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.nats import subjects
from adapters.nats.connecting import Connection
from adapters.nats.doorbell import Doorbells
from adapters.nats.work import Job, WorkQueue
from adapters.runtime import limits
from adapters.runtime.measurements import InstanceMeasurements
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.sandbox import capabilities
from adapters.runtime.toolchains import Toolchains
from adapters.settings import Settings
from adapters.volumes import Volumes
from adapters.workplaces import workplace
from services.activating import Activator
from services.backing_up import BackingUp
from services.building import Builder
from services.cache_sweeping import CacheSweeper, caches
from services.collecting import Collecting
from services.database_grounds import Grounds
from services.databases import Databases
from services.deploying import Deployer
from services.embedded import nats_url
from services.hosting import Hosting
from services.making import Maker
from services.measuring import Measuring
from services.parts import Isolation, say_isolation
from services.presence import Presence
from services.process import Ready, run
from services.reactivating import Reactivation
from services.shipping import Shipping
from services.specifying import Specifier
from services.turns import Turns
from services.warmth import Warmth
from services.wiring import Core, core

log = structlog.get_logger(__name__)

REACTIVATIONS_AT_ONCE = 16


def main(settings: Settings) -> int:
    """Serve until stopped."""
    return run("executor", settings, serve, spawns=True)


async def serve(settings: Settings, ready: Ready) -> None:
    """Work on whatever comes, for ever."""
    async with (
        core(settings) as parts,
        Connection(lambda: nats_url(settings), name="shipbook executor") as connection,
        Doorbells(connection) as doorbells,
        LineWriters.start(
            LineStore(parts.database), lambda log_id: doorbells.ring(subjects.log_bell(log_id))
        ) as writers,
        workplace(settings.builds_dir) as place,
        Volumes.open(parts.database, parts.handler.limits) as volumes,
    ):
        executor = await _executor(parts, writers, doorbells, place, volumes)
        queue = WorkQueue(connection)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(executor.presence.run())
            tasks.create_task(executor.hosting.run())
            tasks.create_task(executor.databases.run())
            tasks.create_task(executor.shipping.run())
            tasks.create_task(executor.sweeper.run())
            tasks.create_task(executor.collecting.run())
            tasks.create_task(_take(queue, "build", settings.builds_at_once, executor.builder.build))
            tasks.create_task(_take(queue, "activate", REACTIVATIONS_AT_ONCE, executor.reactivation.activate))
            ready()


@dataclass(frozen=True)
class Executor:
    """What an executor does, side by side."""

    presence: Presence
    builder: Builder
    reactivation: Reactivation
    hosting: Hosting
    databases: Databases
    shipping: Shipping
    sweeper: CacheSweeper
    collecting: Collecting


async def _executor(parts: Core, writers: LineWriters, doorbells: Doorbells, place: Path, volumes: Volumes) -> Executor:
    settings = parts.settings
    able = await asyncio.to_thread(capabilities)
    log.info(able.describe())
    say_isolation(settings.run_dir, Isolation(whole=able.namespaces, sentence=able.describe()))
    artifacts = Artifacts(settings.artifacts_dir, able.owner)
    await asyncio.to_thread(limits.sweep)
    toolchains = Toolchains(settings.toolchains_dir, able)
    runtime = ProcessRuntime(settings.applications_dir, able)
    specifier = Specifier(artifacts, toolchains, parts.vault)
    hosting = Hosting(
        runtime=runtime,
        specifier=specifier,
        handler=parts.handler,
        clock=parts.clock,
        reader=parts.reader,
        lookup=Lookup(settings.instances_socket),
        apps_domain=settings.apps_domain,
        drain_seconds=settings.drain_seconds,
        warmth=Warmth(settings.warm_seconds, parts.clock),
        measuring=Measuring(runtime, InstanceMeasurements(parts.database)),
    )
    activator = Activator(runtime, artifacts, specifier, hosting)
    kept = caches(settings)
    deployer = Deployer(Maker(settings, place, artifacts, toolchains, able, kept), activator)
    presence = Presence(parts.database)
    turns = Turns(parts.reader, parts.handler.builds_at_once)
    grounds = await asyncio.to_thread(Grounds.of, parts, able)
    return Executor(
        presence=presence,
        builder=Builder(parts, writers, doorbells, deployer, presence, turns, volumes),
        reactivation=Reactivation(parts, activator),
        hosting=hosting,
        databases=Databases(grounds, BackingUp(grounds), Measurements(parts.database)),
        shipping=Shipping(parts, runtime, specifier, writers, hosting, volumes),
        sweeper=CacheSweeper(kept),
        collecting=Collecting(parts, artifacts, toolchains),
    )


async def _take(queue: WorkQueue, kind: subjects.Kind, limit: int, work: Callable[[Job], Awaitable[None]]) -> None:
    """Work on jobs of a kind as they come; one that raises goes back to the queue and stops nobody."""
    async with _crew() as start, aclosing(queue.take(kind, limit)) as jobs:
        async for job in jobs:
            start(_worked(job, work))


async def _worked(job: Job, work: Callable[[Job], Awaitable[None]]) -> None:
    try:
        async with job.alive():
            await work(job)
    except Exception:
        log.exception("a job was given back", job=str(job.item), attempt=job.attempt)


@asynccontextmanager
async def _crew() -> AsyncIterator[Callable[[Awaitable[None]], None]]:
    """Tasks that are cancelled and waited for with the context."""
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        yield start
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
