"""Asks for backups at the times of their schedules, and for those to be deleted that need not be kept."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from adapters.due_times import latest
from commands import backing_up
from commands.backup import DeleteBackup
from domain.backup import Origin, Status
from domain.database import BackupSchedule
from domain.history import Actor, Context
from domain.identifiers import BackupId, CausationId, DatabaseId, RequestId, derived
from domain.rejection import Rejection
from projections import backups, databases
from projections.backups import BackupRow
from projections.databases import DatabaseRow
from services.offices import rounds
from services.wiring import Core

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 5.0
"""How late a backup may begin."""
GOOD = frozenset({Status.DONE, Status.VERIFYING, Status.VERIFIED})


@dataclass
class BackupScheduling:
    """Any number of processes may run one; one of them works.

    A time names its backup, so it is asked for once, whoever asks how often. Of times that were missed only the last
    is made up for.
    """

    core: Core
    _asked: dict[DatabaseId, datetime] = field(default_factory=dict)

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        await rounds(self.core.database, "backup schedules", PERIOD_SECONDS, self.look)

    async def look(self) -> None:
        """Ask for what is due, and let go what has had its time."""
        now = self.core.clock.now()
        for row in await databases.scheduled(self.core.reader):
            if row.schedule is not None:
                await self._ask(row, row.schedule, now)
                await self._let_go(row, row.schedule, now)

    async def _ask(self, row: DatabaseRow, schedule: BackupSchedule, now: datetime) -> None:
        due = latest(schedule.cron, schedule.time_zone, now)
        if due is None or row.scheduled_at is None or due <= row.scheduled_at or self._asked.get(row.id) == due:
            return
        causation = CausationId(derived(CausationId(row.id), f"backup of {due.timestamp():.0f}"))
        try:
            await backing_up.request_backup(
                self.core.handler,
                self._context(row, causation),
                backup_id=BackupId(causation),
                database_id=row.id,
                origin=Origin.SCHEDULED,
                verify=schedule.verify,
            )
        except Rejection as refused:
            log.warning("a scheduled backup was not made", database=row.id, due=due.isoformat(), why=refused.message)
        self._asked[row.id] = due

    async def _let_go(self, row: DatabaseRow, schedule: BackupSchedule, now: datetime) -> None:
        for one in outlived(await backups.of_database(self.core.reader, row.id), schedule, now):
            causation = CausationId(derived(CausationId(one.id), "retention"))
            with suppress(Rejection):  # somebody deletes it at the same moment
                await self.core.handler.handle(DeleteBackup(backup_id=one.id), self._context(row, causation))

    def _context(self, row: DatabaseRow, causation: CausationId) -> Context:
        return Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="backup schedule"),
            correlation_id=RequestId(causation),
            causation_id=causation,
            at=self.core.clock.now(),
        )


def outlived(rows: Sequence[BackupRow], schedule: BackupSchedule, now: datetime) -> list[BackupRow]:
    """Which of a database's backups, the newest first, its schedule does not keep.

    Those that it made and that are at rest: beyond its number of good ones, or older than its days. The newest good
    backup of all stays.
    """
    scheduled = [one for one in rows if one.origin is Origin.SCHEDULED]
    good = [one.id for one in scheduled if one.status in GOOD]
    newest = next((one.id for one in rows if one.status in GOOD), None)
    kept, oldest = {newest, *good[: schedule.keep_count]}, now - timedelta(days=schedule.keep_days)
    return [
        one
        for one in scheduled
        if one.status in {Status.DONE, Status.VERIFIED, Status.FAILED}
        and one.id != newest
        and (one.created_at < oldest or (one.status is not Status.FAILED and one.id not in kept))
    ]
