"""``shipbook worker``: projector, relay, sweeper, reactor, retention. One process of many leads in each."""

import asyncio

from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.nats import subjects
from adapters.nats.connecting import Connection
from adapters.nats.doorbell import Doorbells
from adapters.nats.publishing import FactPublisher
from adapters.nats.work import WorkQueue
from adapters.notifications.deliveries import Deliveries
from adapters.reading import Progress
from adapters.settings import Settings
from commands.policies import ActivationWork, WorkItem
from projections import environments
from projections.reading import Reader
from services.access_keeping import AccessKeeping
from services.backup_scheduling import BackupScheduling
from services.closing import Closing
from services.courier import Courier
from services.dns_checking import DnsChecking
from services.embedded import nats_url
from services.expiring import Expiring
from services.key_keeping import KeyKeeping
from services.notifier import Notifier
from services.process import Ready, run
from services.projector import Projector
from services.queueing import Queueing
from services.reactor import Reactor
from services.relay import Relay
from services.retention import Retention
from services.scheduling import Scheduling
from services.sweeping import Sweeper
from services.turns import Turns
from services.wiring import core


def main(settings: Settings) -> int:
    """Serve until stopped."""
    return run("worker", settings, serve)


async def serve(settings: Settings, ready: Ready) -> None:
    """Follow the log, for ever."""
    async with (
        core(settings) as parts,
        Progress.open(parts.database) as progress,
        Connection(lambda: nats_url(settings), name="shipbook worker") as connection,
        Doorbells(connection) as doorbells,
        LineWriters.start(
            LineStore(parts.database), lambda log_id: doorbells.ring(subjects.log_bell(log_id))
        ) as writers,
        asyncio.TaskGroup() as tasks,
    ):
        queue, deliveries = WorkQueue(connection), Deliveries(parts.database)
        turns = Turns(parts.reader, parts.handler.builds_at_once)
        tasks.create_task(Projector(parts.database, parts.log).run())
        tasks.create_task(Relay(parts.database, parts.log, FactPublisher(connection), queue).run())
        tasks.create_task(Sweeper(parts.database, queue, lambda: _open_work(parts.reader, turns)).run())
        tasks.create_task(Queueing(parts, progress, queue, turns).run())
        tasks.create_task(Closing(parts, progress).run())
        tasks.create_task(Scheduling(parts).run())
        tasks.create_task(Reactor(parts, writers).run())
        tasks.create_task(BackupScheduling(parts).run())
        tasks.create_task(KeyKeeping(parts).run())
        tasks.create_task(AccessKeeping(parts.database).run())
        tasks.create_task(DnsChecking(parts, settings).run())
        tasks.create_task(Notifier(parts, deliveries).run())
        tasks.create_task(Courier(parts, deliveries).run())
        tasks.create_task(Expiring(parts).run())
        tasks.create_task(Retention(parts.database, parts.reader, settings.log_retention_days).run())
        ready()


async def _open_work(reader: Reader, turns: Turns) -> list[WorkItem]:
    return [*await turns.everywhere()] + [
        ActivationWork(tenant_id=row.tenant_id, environment_id=row.id, activation=row.activation)
        for row in await environments.unattended(reader)
    ]
