"""Asks for the deployments that are due by their schedules."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import structlog

from adapters.due_times import following, latest
from commands import triggering
from commands.schedule import SettleRun
from domain.history import Actor, Context
from domain.identifiers import CausationId, DeploymentId, RequestId, ScheduleId, derived
from domain.rejection import NotFound, Rejection
from domain.schedule import Timing
from projections import schedules
from projections.schedules import ScheduleRow
from services.offices import rounds
from services.wiring import Core

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 1.0
"""How late a deployment may be asked for."""
IN_TIME = timedelta(hours=1)
"""What is due for longer, because no process of ours was there to ask, is not made up for."""
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Scheduling:
    """Any number of processes may run one; one of them works.

    A schedule and a due time name the deployment, so it is asked for once, whoever asks how often. Of several that are
    due the last alone is asked for.
    """

    core: Core
    _next: dict[ScheduleId, tuple[int, datetime]] = field(default_factory=dict)
    """By schedule: its version, and when it is due next."""

    async def run(self) -> None:
        """Look every second, for ever."""
        await rounds(self.core.database, "deployment schedules", PERIOD_SECONDS, self.look)

    async def look(self) -> None:
        """Ask for what is due."""
        now, known = self.core.clock.now(), self._next
        self._next = {}
        for row in await schedules.running(self.core.reader):
            version, due = known.get(row.id, (0, now))
            if version != row.version:
                due = next(following(row.timing.cron, row.timing.time_zone, row.since), NEVER)
            self._next[row.id] = row.version, due
            if due <= now:
                await self._act(row, due, now)

    async def _act(self, row: ScheduleRow, first: datetime, now: datetime) -> None:
        due, missed = pending(row.timing, first, now)
        if missed:
            await self._settle(row, SettleRun(schedule_id=row.id, first=first, due=missed))
        if due:
            await self._settle(row, await self._asked(row, due))

    async def _asked(self, row: ScheduleRow, due: datetime) -> SettleRun:
        """Ask for the deployment; what became of that."""
        context = self._context(row, f"deployment due {due.timestamp():.0f}")
        deployment_id = DeploymentId(derived(context.causation_id, "deployment"))
        try:
            await triggering.trigger(
                self.core.handler,
                self.core.numbers,
                context,
                deployment_id=deployment_id,
                project_id=row.project_id,
                environment_id=row.environment_id,
                branch=row.timing.branch,
                note=f"Scheduled for {due.astimezone(ZoneInfo(row.timing.time_zone)):%Y-%m-%d %H:%M %Z}",
            )
        except Rejection as refused:
            return SettleRun(schedule_id=row.id, due=due, refused=refused.message)
        return SettleRun(schedule_id=row.id, due=due, deployment_id=deployment_id)

    async def _settle(self, row: ScheduleRow, command: SettleRun) -> None:
        try:
            await self.core.handler.handle(command, self._context(row, f"settled {command.due.timestamp():.0f}"))
        except NotFound:
            log.info("a schedule was deleted when it was due", schedule=row.id)

    def _context(self, row: ScheduleRow, what: str) -> Context:
        causation = CausationId(derived(CausationId(row.id), what))
        return Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="schedule"),
            correlation_id=RequestId(derived(CausationId(row.id), "run")),
            causation_id=causation,
            at=self.core.clock.now(),
        )


def pending(timing: Timing, first: datetime, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The due time that is to be asked for, and the last one that was missed, of those from ``first`` to ``now``."""
    recent = list(_until(timing, max(first - timedelta(seconds=1), now - IN_TIME), now))
    if first > now - IN_TIME:
        return recent[-1], None
    missed = latest(timing.cron, timing.time_zone, now - IN_TIME)
    return recent[-1] if recent else None, max(first, missed or first)


def _until(timing: Timing, after: datetime, now: datetime) -> Iterator[datetime]:
    return takewhile(lambda due: due <= now, following(timing.cron, timing.time_zone, after))
