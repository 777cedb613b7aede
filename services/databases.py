"""Keeps the managed databases of this machine equal to what is wanted of them.

All is derived from the read models, the log and what runs, so it can be cut off anywhere and begun again: a database is
started, restored, stopped or deleted as often as it takes, and a backup that was cut off is one that failed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

import structlog
from psycopg import AsyncConnection

from adapters.bell import News
from adapters.database import PROJECTED, Unavailable
from adapters.databases.engine import Engine, EngineFailed, Order
from adapters.databases.measuring import Measurements
from adapters.databases.ports import free_port, kept_port
from adapters.runtime.sandbox import remove_tree
from commands import backing_up, backup, database
from commands.backup import DeleteBackup
from commands.command import Command
from commands.database_checks import require_database
from commands.database_reports import (
    AbandonDeletion,
    PlaceDatabase,
    ReportDeleted,
    ReportFailed,
    ReportRestored,
    ReportRestoreFailed,
    ReportStarted,
    ReportStopped,
)
from commands.ports import SecretValue
from domain.backup import Origin
from domain.backup import Status as BackupStatus
from domain.database import Database, DatabaseCreated, DatabasePlaced, Isolation, Status
from domain.identifiers import BackupId, DatabaseId
from domain.rejection import Conflict, NameTaken, NotFound, Rejection
from projections import backups, databases
from projections.databases import DatabaseRow
from services.backing_up import SCRATCH, BackingUp
from services.database_grounds import Grounds
from services.offices import hold

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
"""How late it is noticed that a server is lost, or that something is wanted whose notification was."""
SOON_SECONDS = 0.2
"""How long what waits for something else is left alone."""
ABOUT = frozenset({"databases", "backups"})
"""The read models that say what is wanted."""
AGAIN_SECONDS = 15.0
"""How long what could not be done is left alone."""
MEASURE_SECONDS = 10.0
ANSWER_SECONDS = 5.0
"""How long a database may take to say how it is."""
WISHED = frozenset({Status.CREATING, Status.STARTING, Status.RUNNING, Status.FAILED})
"""The states of a database that shall run."""
WISHED_ANEW = frozenset({Status.STARTING, Status.STOPPING})
"""Somebody has just asked for it, and what failed before is no reason to wait."""


@dataclass
class Databases:
    """The office of one machine. Several executors there may run one; one of them works."""

    grounds: Grounds
    backing_up: BackingUp
    measurements: Measurements
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _later: dict[str, float] = field(default_factory=dict)
    """Until when a thing is left alone."""
    _answering: set[DatabaseId] = field(default_factory=set)
    _news: News = field(default_factory=News)

    async def run(self) -> None:
        """Look again and again, for ever."""
        await hold(self.grounds.core.database, f"databases on {self.grounds.machine.id}", self._lead)

    async def _lead(self, connection: AsyncConnection) -> None:
        await self._clear()
        measuring = asyncio.create_task(self._measure())
        try:
            with self.grounds.core.database.news(PROJECTED) as self._news:
                while True:
                    await connection.execute("SELECT")  # fails when the office is lost
                    await self._look()
                    await self._stirred()
        finally:
            tasks = [measuring, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._answering.clear()

    async def _stirred(self) -> None:
        """Wait until something else may be wanted; not for long, as a server may be lost."""
        until = asyncio.get_running_loop().time() + LOOK_SECONDS
        while (left := until - asyncio.get_running_loop().time()) > 0:
            if await self._news.wait(left):
                names = self._news.take()
                if names is None or names & ABOUT:
                    return

    async def _clear(self) -> None:
        """Remove what a former holder of the office was working with."""
        await asyncio.to_thread(remove_tree, self.grounds.places.work)
        for instance in await self.grounds.servers.runtime.instances():
            if instance.instance_id.startswith(SCRATCH):
                await self.grounds.servers.runtime.remove(instance.instance_id)
        for left in self.grounds.places.files.glob(f"{SCRATCH}*"):
            await asyncio.to_thread(remove_tree, left)

    async def _look(self) -> None:
        try:
            machine = self.grounds.machine.id
            for row in await databases.of_machine(self.grounds.core.reader, machine):
                if row.id not in self._tasks and await self._wants(row):
                    self._begin(row.id, partial(self._attend, row))
            for one in await backups.open_on(self.grounds.core.reader, machine):
                self._begin(one.id, partial(self.backing_up.attend, one))
        except Unavailable as away:
            log.info("the databases stay as they are", reason=str(away))

    async def _wants(self, row: DatabaseRow) -> bool:
        """Whether something is to be done for it, at a glance."""
        if row.status is Status.STOPPED:
            return False
        if row.status in WISHED_ANEW:
            self._later.pop(row.id, None)
        if row.status is not Status.RUNNING or row.restoring is not None or row.id not in self._answering:
            return True
        return not await self.grounds.engines[row.engine, row.isolation].runs(_shown(row))

    def _begin(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it in a task of its own, unless it is being done, or could not be done a moment ago."""
        if key not in self._tasks and self._later.get(key, 0) <= asyncio.get_running_loop().time():
            self._tasks[key] = asyncio.create_task(self._done(key, work), name=key)

    async def _done(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (EngineFailed, Rejection) as problem:
            log.warning("the work on a database could not be done", subject=key, why=str(problem))
            self._pause(key)
        except Exception:
            # Nothing that runs may depend on one thing: it is tried again in a while.
            log.exception("the work on a database failed", subject=key)
            self._pause(key)
        finally:
            self._tasks.pop(key, None)
            self._news.tell(None)

    def _pause(self, key: str, seconds: float = AGAIN_SECONDS) -> None:
        """Leave a thing alone for a while, and look again then."""
        loop = asyncio.get_running_loop()
        self._later[key] = loop.time() + seconds
        loop.call_later(seconds, self._news.tell, None)

    async def _attend(self, row: DatabaseRow) -> None:
        """Do what the log says is wanted of a database."""
        state = await self.grounds.state(row.tenant_id, row.id)
        if state.placed is not None and state.placed.machine != self.grounds.machine.id:
            return
        if state.status is Status.DELETING:
            await self._delete(row, state)
        elif state.placed is None:
            await self._place(row, require_database(state))
        elif state.status in WISHED:
            await self._run(row, state, state.placed)
        elif state.status is Status.STOPPING:
            await self._stop(row, state, state.placed)

    async def _place(self, row: DatabaseRow, created: DatabaseCreated) -> None:
        """Take a database on. Its port is its own for as long as there is the database, whether it runs or not."""
        own = created.isolation is Isolation.INSTANCE
        port = free_port() if own else kept_port(self.grounds.places.databases / "shared.port")
        command = PlaceDatabase(database_id=row.id, machine=self.grounds.machine.id, port=port, own_port=own)
        try:
            await self._report(row, command)
        except NameTaken:
            log.info("another database has this port", port=port)  # the next look chooses another one

    async def _run(self, row: DatabaseRow, state: Database, placed: DatabasePlaced) -> None:
        engine = self.grounds.engine(require_database(state))
        try:
            order = await self.grounds.order(row.tenant_id, state, placed)
            await engine.start(order)
        except EngineFailed as problem:
            log.warning("a database cannot run", database=row.id, why=str(problem))
            self._answering.discard(row.id)
            self._pause(row.id)
            await self._report(row, ReportFailed(database_id=row.id, error=str(problem)))
            return
        await self._report(row, ReportStarted(database_id=row.id))
        await self._measured(row.id, engine, order)
        if state.restoring is not None:
            await self._restore(row, state, state.restoring, order)
        self._answering.add(row.id)

    async def _restore(self, row: DatabaseRow, state: Database, backup_id: BackupId, order: Order) -> None:
        engine, restore = self.grounds.engine(require_database(state)), state.restores
        report: Command
        try:
            file = await self.backing_up.whole(row.tenant_id, backup_id)
            await engine.restore(order, file, f"{row.id} restore {restore}")
            report = ReportRestored(database_id=row.id, restore=restore)
        except EngineFailed as problem:
            log.warning("a backup could not be restored", database=row.id, why=str(problem))
            report = ReportRestoreFailed(database_id=row.id, restore=restore, error=str(problem))
        await self._report(row, report)

    async def _stop(self, row: DatabaseRow, state: Database, placed: DatabasePlaced) -> None:
        self._answering.discard(row.id)
        order = await self.grounds.order(row.tenant_id, state, placed)
        await self.grounds.engine(require_database(state)).stop(order)
        await self._report(row, ReportStopped(database_id=row.id))

    async def _delete(self, row: DatabaseRow, state: Database) -> None:
        """Make the last backup where one is wanted, then leave nothing but that."""
        if state.placed is not None:
            engine = self.grounds.engine(require_database(state))
            order = await self.grounds.order(row.tenant_id, state, state.placed)
            self._pause(row.id, SOON_SECONDS)
            if state.last_backup_id and not await self._last_backup_made(row, state.last_backup_id, engine, order):
                return
            if not await self._other_backups_gone(row, state.last_backup_id):
                return
            self._answering.discard(row.id)
            await engine.remove(order)
        await self.measurements.forget(row.id)
        await self._report(row, ReportDeleted(database_id=row.id))

    async def _last_backup_made(self, row: DatabaseRow, backup_id: BackupId, engine: Engine, order: Order) -> bool:
        state = await self.grounds.backup(row.tenant_id, backup_id)
        if state.requested is None:
            await engine.start(order)
            context = await self.grounds.context(row.tenant_id, database.DECIDER, row.id)
            await backing_up.request_backup(
                self.grounds.core.handler, context, backup_id=backup_id, database_id=row.id, origin=Origin.LAST
            )
        elif state.status is BackupStatus.FAILED:
            await self._report(row, AbandonDeletion(database_id=row.id, error="Its last backup failed."))
        return state.completed is not None

    async def _other_backups_gone(self, row: DatabaseRow, last: BackupId | None) -> bool:
        """Ask for all but the last one to be deleted; whether they are."""
        others = [one for one in await backups.of_database(self.grounds.core.reader, row.id) if one.id != last]
        for one in others:
            with suppress(Conflict, NotFound):  # it is being made, or gone
                await self.grounds.report(row.tenant_id, backup.DECIDER, one.id, DeleteBackup(backup_id=one.id))
        return not others

    async def _report(self, row: DatabaseRow, command: Command) -> None:
        await self.grounds.report(row.tenant_id, database.DECIDER, row.id, command)

    async def _measure(self) -> NoReturn:
        """Ask each database that answers how it is, again and again."""
        while True:
            try:
                rows = await databases.of_machine(self.grounds.core.reader, self.grounds.machine.id)
                for row in rows:
                    if row.id in self._answering and row.status is Status.RUNNING:
                        await self._measured(row.id, self.grounds.engines[row.engine, row.isolation], _shown(row))
            except Unavailable as away:
                log.info("the databases are not measured", reason=str(away))
            await asyncio.sleep(MEASURE_SECONDS)

    async def _measured(self, database_id: DatabaseId, engine: Engine, order: Order) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                measurement, problem = await engine.measure(order), None
        except (EngineFailed, TimeoutError) as failed:
            measurement, problem = None, str(failed) or f"No answer within {ANSWER_SECONDS:g} s."
        await self.measurements.keep(database_id, measurement, problem)


def _shown(row: DatabaseRow) -> Order:
    """Enough of a database to look at it: its superuser comes in without its password."""
    return Order(
        id=row.id,
        database=row.database,
        user=row.user,
        password=SecretValue(""),
        port=row.port or 0,
        memory_mb=row.memory_mb,
        existed=True,
    )
