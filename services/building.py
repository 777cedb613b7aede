"""One job of the build queue: take the lease, deploy, watch for a cancellation meanwhile, and close the log."""

import asyncio
import errno
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import monotonic

import structlog

from adapters.database import Unavailable
from adapters.linestore import StaleWriter
from adapters.linewriting import LineWriter, LineWriters
from adapters.masking import Masks
from adapters.nats.doorbell import Doorbells
from adapters.nats.work import Job
from adapters.volumes import Volumes
from commands import deployment
from commands.deployment import FailDeployment
from commands.lines import CloseLog
from commands.policies import BuildWork
from domain.deployment import Deployment, DeploymentCancelled, DeploymentLeased, DeploymentQueued, Status
from domain.fact import tag_of
from domain.history import Context, Recorded
from domain.identifiers import ExecutorId, build_log, stream, uuid7
from domain.rejection import Conflict, NotFound
from services.build_metrics import BUILDS_RUNNING, DEPLOYMENT_SECONDS, DEPLOYMENT_WAIT_SECONDS
from services.deploying import Deployer
from services.ingredients import Ingredients, gather
from services.journal import Journal
from services.leasing import Lease, NotItsTurn, lease, on_behalf
from services.patience import patiently
from services.presence import Presence
from services.turns import Turns
from services.wiring import Core

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""How late a cancellation is noticed when its news was lost."""

HELD_SECONDS = 2.0
"""After so long a deployment is offered again that another executor still works on."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds between an executor's turns at a deployment that it begins again: doubled after each, up to the longest."""

LOST = "The executor was lost; another one goes on with the deployment."
AGAIN = "{passing}; the deployment begins again."
TOO_LONG = "{passing} again and again, for longer than the {seconds} s that a build may take."
AWAY = "The database was away"
FULL = "The disk was full"


@dataclass(frozen=True)
class Builder:
    """Works on deployments, each under a lease of its own."""

    core: Core
    writers: LineWriters
    doorbells: Doorbells
    deployer: Deployer
    presence: Presence
    turns: Turns
    volumes: Volumes

    async def build(self, job: Job) -> None:
        """Bring the job's deployment to its end, or find that it has ended; put off what another one works on.

        One whose turn has not come is put away: its turn is told by another item.
        """
        item = job.item
        if isinstance(item, BuildWork):
            name = stream(deployment.DECIDER.category, item.deployment_id)
            history = await patiently(lambda: self.core.log.read(name))
            if await patiently(lambda: self._worked_on(history)):
                await job.later(HELD_SECONDS)
                return
            if history and await self._turn_has_come(item):
                await self._build(item, history[0])
        await job.done()

    async def _turn_has_come(self, item: BuildWork) -> bool:
        return await patiently(lambda: self.turns.has_come(item))

    async def _worked_on(self, history: Sequence[Recorded]) -> bool:
        """Whether whoever took the last lease works on: cut off from NATS, or it would not be offered to us."""
        leases = [recorded.fact for recorded in history if isinstance(recorded.fact, DeploymentLeased)]
        return bool(leases) and await self.presence.of(leases[-1].executor_id)

    async def _build(self, item: BuildWork, first: Recorded) -> None:
        queued = first.fact
        if not isinstance(queued, DeploymentQueued) or first.context.tenant_id != item.tenant_id:
            raise TypeError(f"the stream of {item} does not begin with its queueing")
        executor_id = ExecutorId(uuid7())
        with self.presence.working(executor_id):
            try:
                await self._in_turns(queued, first, executor_id)
            except NotItsTurn:
                return
            await self.deployer.abandon(queued, self._context(first))

    async def _in_turns(self, queued: DeploymentQueued, first: Recorded, executor_id: ExecutorId) -> None:
        """Begin the deployment again whenever what stopped it passes by waiting, for as long as a build may take."""
        why_again, pause, limit = LOST, FIRST_PAUSE, self.core.settings.build_timeout_seconds
        until = monotonic() + limit
        while taken := await self._lease(queued, first, executor_id):
            _observe_wait(taken, first)
            try:
                await self._work(taken, why_again)
                break
            except (Unavailable, OSError) as problem:
                if not (passing := _passing(problem)):
                    raise
                if monotonic() >= until:
                    await self._refuse(taken, TOO_LONG.format(passing=passing, seconds=limit))
                    break
                why_again = AGAIN.format(passing=passing)
                log.warning("the deployment begins again", deployment=queued.deployment_id, reason=str(problem))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _lease(self, queued: DeploymentQueued, first: Recorded, executor_id: ExecutorId) -> Lease | None:
        slots = await patiently(lambda: self.turns.builds_at_once(first.context.tenant_id))
        return await lease(self.core.handler, self.core.clock, queued, self._context(first), executor_id, slots)

    def _context(self, first: Recorded) -> Context:
        return on_behalf(first.context.tenant_id, first, "executor", self.core.clock, uuid7())

    async def _work(self, taken: Lease, why_again: str) -> None:
        """Deploy, unless it is cancelled or outranked first. Left early, the build is stopped and the lease ends."""
        try:
            ingredients = await patiently(lambda: self._gather(taken))
            async with self._writer(taken, ingredients.masks) as writer:
                volume = await patiently(lambda: self.volumes.of(taken.context.tenant_id))
                journal = Journal(writer, volume=volume)
                if taken.fencing_token > 1:
                    await journal.say(why_again)
                with BUILDS_RUNNING.track_inprogress():
                    state = await self._deployed(taken, journal, ingredients)
                if state.status is Status.CANCELLED:
                    await journal.say("Cancelled.")
                if state.status.ended:
                    await self._close(taken, writer, state.status)
        except NotFound as gone:
            await self._refuse(taken, gone.message)
        except (Conflict, StaleWriter) as outranked:
            log.info("the deployment is no longer ours", deployment=taken.queued.deployment_id, why=str(outranked))

    def _writer(self, taken: Lease, masks: Masks) -> AbstractAsyncContextManager[LineWriter]:
        return self.writers.open(build_log(taken.queued.deployment_id), masks)

    async def _refuse(self, taken: Lease, error: str) -> None:
        """End a deployment that cannot even begin."""
        async with self._writer(taken, Masks()) as writer:
            await writer.say(f"Failed: {error}")
            await writer.flush()
            await taken.report(
                FailDeployment(deployment_id=taken.queued.deployment_id, fencing_token=taken.fencing_token, error=error)
            )
            await self._close(taken, writer, Status.FAILED)

    async def _gather(self, taken: Lease) -> Ingredients:
        core = self.core
        return await gather(core.handler, core.vault, core.reader, taken.context.tenant_id, taken.queued)

    async def _deployed(self, taken: Lease, journal: Journal, ingredients: Ingredients) -> Deployment:
        """How the deployment stands once nobody works on it any more."""
        working = asyncio.create_task(self.deployer.deploy(taken, journal, ingredients))
        watching = asyncio.create_task(self._taken_away(taken))
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        except (Unavailable, OSError):
            await journal.settle()  # what was printed, before the next turn opens the log
            raise
        finally:
            for task in (working, watching):
                task.cancel()
            await asyncio.wait({working, watching})
        return await patiently(lambda: self._state(taken))

    async def _taken_away(self, taken: Lease) -> None:
        """Wait until the deployment was cancelled or has another lease."""
        with self.doorbells.facts(tag_of(DeploymentCancelled), taken.context.tenant_id) as bell:
            while True:
                try:
                    state = await self._state(taken)
                except Unavailable:
                    state = None
                if state and (state.status.ended or state.fencing_token != taken.fencing_token):
                    return
                await bell.wait(LOOK_SECONDS)

    async def _state(self, taken: Lease) -> Deployment:
        return await self.core.handler.state(deployment.DECIDER, taken.queued.deployment_id, taken.context.tenant_id)

    async def _close(self, taken: Lease, writer: LineWriter, outcome: Status) -> None:
        last_seq, sha256 = await writer.finish()
        await taken.handle(CloseLog(log_id=writer.log_id, last_seq=last_seq, sha256=sha256), "close-log")
        took = self.core.clock.now() - taken.context.at
        DEPLOYMENT_SECONDS.labels(outcome).observe(max(0.0, took.total_seconds()))


def _observe_wait(taken: Lease, first: Recorded) -> None:
    if taken.fencing_token == 1:
        DEPLOYMENT_WAIT_SECONDS.observe(max(0.0, (taken.context.at - first.context.at).total_seconds()))


def _passing(problem: Exception) -> str | None:
    """What the customer reads of a problem that passes by waiting; None for any other."""
    if isinstance(problem, OSError):
        return FULL if problem.errno in {errno.ENOSPC, errno.EDQUOT} else None
    return AWAY
