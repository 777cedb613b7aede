"""The notifier: whenever something happened, the channels that are subscribed to it are to be told.

It follows the log from a checkpoint of its own and makes deliveries, which the courier sends (``services.courier``): no
receiver holds it up. A fact may come twice; the id of its delivery is the same.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, get_args

from psycopg.errors import UndefinedTable

from adapters.notifications.deliveries import Deliveries, Replay
from adapters.readmodels import live
from domain import notification
from domain.fact import Fact, tag_of
from domain.history import Recorded
from domain.identifiers import ChannelId, TenantId
from domain.notification import ChannelDisabled, ChannelRemoved, ChannelResumed, RedeliveryRequested, ReplayRequested
from projections import channels
from projections.audit_trail import tenant_of
from projections.channels import ChannelRow
from services.tailing import tail
from services.whereabouts import Whereabouts
from services.wiring import Core

OFFICE = "notifier"
"""The office's name, and that of its checkpoint."""

LOOK_SECONDS = 0.05
"""Between looks at how far the read model of channels is, when one of them has changed."""

_OF_CHANNELS: frozenset[type[Fact]] = frozenset(get_args(notification.Event))


class Notifier:
    """Makes deliveries. Any number of processes may run one; one of them works."""

    def __init__(self, core: Core, deliveries: Deliveries) -> None:
        self._core = core
        self._deliveries = deliveries
        self._whereabouts = Whereabouts(core)
        self._channels: dict[TenantId, list[ChannelRow]] = {}
        self._position = -1
        """The last fact that was taken; the channels are known as they were behind it."""

    async def run(self) -> NoReturn:
        """Follow the log until cancelled; a server that is away is waited for."""
        await tail(self._core.database, self._core.log, OFFICE, self._take)

    async def _take(self, page: Sequence[Recorded]) -> None:
        if self._position != page[0].position - 1 or any(type(one.fact) in _OF_CHANNELS for one in page):
            self._channels = await self._known(page[-1].position)
        if told := [each for one in page for each in await self._told(one)]:
            await self._deliveries.enqueue(told)
        for one in page:
            await self._obey(one)
        self._position = page[-1].position

    async def _told(self, recorded: Recorded) -> list[tuple[Recorded, ChannelId, TenantId]]:
        tenant = tenant_of(recorded)
        return [
            (recorded, row.id, tenant)
            for row in self._channels.get(tenant, ())
            if recorded.position > row.since and await subscribed(row, recorded, self._whereabouts)
        ]

    async def _obey(self, recorded: Recorded) -> None:
        """What is asked of deliveries that are there."""
        match recorded.fact:
            case RedeliveryRequested() as fact:
                await self._deliveries.again(fact.delivery_id, fact.channel_id, recorded.position)
            case ReplayRequested() as fact:
                await self._deliveries.begin_replay(
                    Replay(
                        asked=recorded.position,
                        tenant_id=recorded.context.tenant_id,
                        channel_id=fact.channel_id,
                        position=fact.from_position,
                        until=fact.to_position,
                    )
                )
            case ChannelDisabled() | ChannelRemoved() as fact:
                await self._deliveries.cancel(fact.channel_id)
            case ChannelResumed() as fact:
                await self._deliveries.recovered(fact.channel_id)
            case _:
                return

    async def _known(self, position: int) -> dict[TenantId, list[ChannelRow]]:
        """The active channels as they stand behind ``position``, or later."""
        while await self._projected() < position:  # noqa: ASYNC110 - the projector may be another process
            await asyncio.sleep(LOOK_SECONDS)
        known: defaultdict[TenantId, list[ChannelRow]] = defaultdict(list)
        for row in await channels.told(self._core.reader):
            known[row.tenant_id].append(row)
        return known

    async def _projected(self) -> int:
        """How far the read model of channels has come; 0 before it is there."""
        query = "SELECT position FROM read_models.checkpoints WHERE generation = %s"
        with suppress(UndefinedTable):
            found = await self._core.database.fetch(query, [live(channels.MODEL.name)])
            return int(found[0][0] or 0) if found else 0
        return 0


async def subscribed(row: ChannelRow, recorded: Recorded, whereabouts: Whereabouts) -> bool:
    """Whether a channel is to be told of a fact of its workspace."""
    if not row.subscription.selects(tag_of(recorded.fact)):
        return False
    if row.project_id is None:
        return True
    place = await whereabouts.of(recorded)
    return place.project_id == row.project_id and row.environment_id in {None, place.environment_id}
