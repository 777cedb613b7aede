"""The reactor: whenever this happened, then that is done (``commands.policies``), and no log stays open for ever."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import structlog

from adapters.linewriting import LineWriters
from adapters.masking import Masks
from commands import policies
from commands.lines import CloseLog
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, RequestId, build_log, derived, uuid7
from domain.rejection import NotFound, Rejection
from projections import deployments
from projections.deployments import DeploymentRow
from services.leasing import on_behalf
from services.offices import rounds
from services.tailing import tail
from services.wiring import Core

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
LEAVE_TO_EXECUTOR = timedelta(seconds=5)
"""So long an executor may take to close the log of a deployment that has ended."""


@dataclass(frozen=True)
class Reactor:
    """Completes what was left half done. Any number of processes may run one; one of them works."""

    core: Core
    writers: LineWriters

    async def run(self) -> None:
        """React until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._close_logs())

    async def _follow(self) -> NoReturn:
        await tail(self.core.database, self.core.log, "reactor", self._react)

    async def _react(self, page: Sequence[Recorded]) -> None:
        for recorded in page:
            for command in policies.follow_up(recorded):
                causation = derived(CausationId(recorded.id), type(command).__name__)
                context = on_behalf(recorded.context.tenant_id, recorded, "reactor", self.core.clock, causation)
                try:
                    await self.core.handler.handle(command, context)
                except NotFound:
                    log.debug("what a policy's command speaks of is gone", command=type(command).__name__)
                except Rejection as refused:
                    log.warning("a policy's command was refused", command=type(command).__name__, why=refused.message)

    async def _close_logs(self) -> NoReturn:
        await rounds(self.core.database, "log closer", SWEEP_SECONDS, self._sweep)

    async def _sweep(self) -> None:
        for row in await deployments.with_open_log(self.core.reader):
            if self._is_left(row):
                await self._close(row)

    def _is_left(self, row: DeploymentRow) -> bool:
        """Whether nobody else will close the log: no executor ever had the deployment, or it had its time."""
        return row.fencing_token == 0 or self.core.clock.now() - row.updated_at > LEAVE_TO_EXECUTOR

    async def _close(self, row: DeploymentRow) -> None:
        log_id = build_log(row.id)
        async with self.writers.open(log_id, Masks()) as writer:
            last_seq, sha256 = await writer.finish()
        context = Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="reactor"),
            correlation_id=RequestId(uuid7()),
            causation_id=CausationId(derived(CausationId(row.id), "close-log")),
            at=self.core.clock.now(),
        )
        await self.core.handler.handle(CloseLog(log_id=log_id, last_seq=last_seq, sha256=sha256), context)
