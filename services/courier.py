"""The courier: sends what is to be sent, and tries again what did not get through, for a day.

A bounded number of deliveries is under way for each channel, so a slow receiver holds up nobody but itself. Whoever
dies between sending and noting it sends again under the same id.
"""

import asyncio
import random
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import NoReturn

import structlog
from prometheus_client import Counter as Total
from psycopg import AsyncConnection

from adapters.database import Unavailable
from adapters.notifications.deliveries import Attempt, Deliveries, DeliveryRow, DeliveryStatus, Replay
from adapters.notifications.payload import message
from adapters.notifications.sending import Sender, Verdict
from commands import notification
from commands.command import Command
from commands.notification import LONGEST_ANSWER, AbandonDelivery, DisableChannel
from domain.history import Actor, Context
from domain.identifiers import CausationId, DeliveryId, RequestId, derived, uuid7
from domain.notification import Channel, ChannelStatus
from domain.rejection import Rejection
from projections import channels
from projections.audit_trail import tenant_of
from projections.phrases import moment
from services.notifier import subscribed
from services.offices import hold
from services.patience import patiently
from services.whereabouts import Whereabouts
from services.wiring import Core

EACH = 4
"""So many deliveries are under way for one channel,"""
IN_ALL = 256
"""and so many in all."""
IDLE_SECONDS, BUSY_SECONDS = 1.0, 0.1
"""Between looks at what is to be sent."""
HOUSEKEEPING_SECONDS = 60.0

FIRST_WAIT, LONGEST_WAIT = 5.0, 4 * 3600.0
"""Seconds until the second attempt, and the most between two; each wait is three times the one before."""
JITTER = 0.2
"""So much of a wait is left to chance, so that what failed together is not tried together."""
TRIED_FOR = timedelta(days=1)
DISABLED_AFTER = timedelta(days=3)
"""A channel through which nothing got for so long is disabled when it fails once more."""
MOST_WAITING = 10_000
"""A channel for which more waits is disabled; what it was not told of can be replayed."""
REPLAYED_AT_ONCE, REPLAY_PAGE = 500, 500
"""While so many deliveries wait for a channel its replay waits, too."""
KEPT_DAYS = 30
FORGOTTEN_AT_ONCE = 5000
STOPPED_SECONDS = 30.0
"""So long until another look at what waits for a channel that was stopped."""

_attempts = Total("shipbook_notification_attempts_total", "Attempts to send notifications.", ["outcome"])

log = structlog.get_logger(__name__)


class Courier:
    """Sends deliveries. Any number of processes may run one; one of them works."""

    def __init__(
        self, core: Core, deliveries: Deliveries, *, first_wait: float = FIRST_WAIT, idle: float = IDLE_SECONDS
    ) -> None:
        self._core = core
        self._first_wait = first_wait
        self._idle = idle
        self._deliveries = deliveries
        self._whereabouts = Whereabouts(core)
        allow_private = core.settings.allow_private_networks
        self._sender = Sender(core.vault, core.clock, allow_private=allow_private)
        self._under_way: dict[DeliveryId, DeliveryRow] = {}

    async def run(self) -> NoReturn:
        """Send until cancelled; a server that is away is waited for."""
        await hold(self._core.database, "courier", self._lead)

    async def _lead(self, connection: AsyncConnection) -> None:
        self._under_way.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._replay(), name="replay notifications")
            tasks.create_task(self._keep_house(), name="keep the deliveries' house")
            while True:
                await connection.execute("SELECT")  # fails when the office is lost
                await self._send_due(tasks)
                await asyncio.sleep(BUSY_SECONDS if self._under_way else self._idle)

    async def _send_due(self, tasks: asyncio.TaskGroup) -> None:
        """Begin whatever is due and has room."""
        busy = Counter(row.channel_id for row in self._under_way.values())
        due = await self._deliveries.due(EACH, self._under_way)
        random.shuffle(due)  # or else the same channels would always come first
        for row in due:
            # When many channels are slow, each of them gets less, so that there is room for the others.
            each = EACH if len(self._under_way) < IN_ALL // 2 else 1
            if busy[row.channel_id] < each and len(self._under_way) < IN_ALL:
                busy[row.channel_id] += 1
                self._under_way[row.id] = row
                tasks.create_task(self._deliver(row), name=f"deliver {row.id}")

    async def _deliver(self, row: DeliveryRow) -> None:
        try:
            channel = await self._core.handler.state(notification.DECIDER, row.channel_id, row.tenant_id)
            if channel.removed or channel.status is not ChannelStatus.ACTIVE:
                await self._deliveries.postpone(row.channel_id, STOPPED_SECONDS)
            else:
                await self._attempt(row, channel)
        except Unavailable as away:
            log.warning("a delivery waits for the database", delivery=row.id, reason=str(away))
        finally:
            self._under_way.pop(row.id, None)

    async def _attempt(self, row: DeliveryRow, channel: Channel) -> None:
        at, began = self._core.clock.now(), time.monotonic()
        verdict = await self._sent(row, channel)
        attempt = Attempt(
            at=at,
            duration_ms=round((time.monotonic() - began) * 1000),
            delivered=verdict.delivered,
            code=verdict.code,
            answer=verdict.answer[:LONGEST_ANSWER],
        )
        first_wait = self._first_wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
        status, wait = consequence(row, verdict, at, first_wait)
        _attempts.labels(status).inc()
        if status is DeliveryStatus.ABANDONED:
            await self._abandon(row, verdict)
        since = await patiently(lambda: self._deliveries.record(row, attempt, status, wait))
        if verdict.unwanted:
            await self._disable(row, f"Its receiver answered {verdict.code}: it wants nothing any more.")
        elif since and at - since > DISABLED_AFTER:
            await self._disable(row, f"Nothing got through since {moment(since)}. At last: {verdict.line}")

    async def _sent(self, row: DeliveryRow, channel: Channel) -> Verdict:
        """Send it; what breaks is told of this delivery alone, and holds up no other."""
        try:
            [recorded] = await self._core.log.notifications(row.position - 1, 1)
            said = message(recorded, row.id, row.tenant_id)
            about = await self._whereabouts.told(recorded, row.tenant_id)
            return await self._sender.send(row.tenant_id, row.channel_id, channel, said, about)
        except Unavailable:
            raise
        except Exception:
            log.exception("a delivery cannot be made", delivery=row.id, position=row.position)
            return Verdict(delivered=False, answer="Something is broken here; the operator's log says what.")

    async def _abandon(self, row: DeliveryRow, verdict: Verdict) -> None:
        command = AbandonDelivery(
            channel_id=row.channel_id,
            delivery_id=row.id,
            position=row.position,
            type=row.type,
            attempts=row.attempts + 1,
            answer=verdict.line,
        )
        await self._handle(command, row, f"abandon/{row.asked}")

    async def _disable(self, row: DeliveryRow, reason: str) -> None:
        await self._handle(DisableChannel(channel_id=row.channel_id, reason=reason), row, f"disable/{uuid7()}")

    async def _handle(self, command: Command, row: DeliveryRow, what: str) -> None:
        context = Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="courier"),
            correlation_id=RequestId(row.id),
            causation_id=CausationId(derived(CausationId(row.id), what)),
            at=self._core.clock.now(),
        )
        try:
            await patiently(lambda: self._core.handler.handle(command, context))
        except Rejection as refused:
            log.warning("a courier's report was refused", command=type(command).__name__, why=refused.message)

    async def _replay(self) -> NoReturn:
        while True:
            if replays := await self._deliveries.replays():
                waiting = await self._deliveries.waiting(REPLAYED_AT_ONCE)
                for replay in replays:
                    if waiting.get(replay.channel_id, 0) < REPLAYED_AT_ONCE:
                        await self._replay_page(replay)
            await asyncio.sleep(BUSY_SECONDS if replays else self._idle)

    async def _replay_page(self, replay: Replay) -> None:
        """Make deliveries of a page of the log, as the channel is subscribed at this moment."""
        row = await channels.find(self._core.reader, replay.tenant_id, replay.channel_id)
        if row is None:
            return await self._deliveries.move_replay(replay.asked, replay.until)
        page = await self._core.log.notifications(replay.position, REPLAY_PAGE)
        told = [
            (one, row.id, row.tenant_id)
            for one in page
            if one.position <= replay.until
            and tenant_of(one) == row.tenant_id
            and await subscribed(row, one, self._whereabouts)
        ]
        if told:
            await self._deliveries.enqueue(told, replay.asked)
        await self._deliveries.move_replay(replay.asked, page[-1].position if page else replay.until)
        return None

    async def _keep_house(self) -> NoReturn:
        while True:
            await self.tidy()
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def tidy(self) -> None:
        """Stop channels for which too much waits, and forget what is old."""
        for row in await self._deliveries.crowded(MOST_WAITING):
            await self._disable(row, f"More than {MOST_WAITING} deliveries wait for it.")
        while await self._deliveries.forget(KEPT_DAYS, FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE:
            pass


def consequence(row: DeliveryRow, verdict: Verdict, now: datetime, first: float) -> tuple[DeliveryStatus, float]:
    """What becomes of a delivery after an attempt, and the seconds until the next one; ``first`` until the second."""
    if verdict.delivered:
        return DeliveryStatus.DELIVERED, 0.0
    wait = min(max(first * 3**row.attempts, verdict.retry_after or 0.0), LONGEST_WAIT)
    too_late = now + timedelta(seconds=wait) > row.begun_at + TRIED_FOR
    if verdict.hopeless or verdict.unwanted or too_late:
        return DeliveryStatus.ABANDONED, 0.0
    return DeliveryStatus.PENDING, wait
