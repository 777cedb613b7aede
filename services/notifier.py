"""The notifier: whenever something happened, the channels that are subscribed to it are to be told.

It follows the log from a checkpoint of its own and makes deliveries, which the courier sends (``services.courier``): no
receiver holds it up. A fact may come twice; the id of its delivery is the same.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, cast, get_args

from msgspec.structs import replace
from psycopg.errors import UndefinedTable

from adapters.notifications.deliveries import Deliveries, Replay
from adapters.readmodels import live
from commands.notification import DECIDER
from domain import notification
from domain.fact import Fact, tag_of
from domain.history import Recorded
from domain.identifiers import ChannelId, TenantId, stream
from domain.notification import (
    ChannelDisabled,
    ChannelRemoved,
    ChannelResumed,
    ChannelStatus,
    RedeliveryRequested,
    ReplayRequested,
)
from projections import channels
from projections.audit_trail import tenant_of
from projections.changes import Patch, Put, Remove
from projections.channels import ChannelRow
from services.tailing import tail
from services.whereabouts import Whereabouts
from services.wiring import Core

OFFICE = "notifier"
"""The office's name, and that of its checkpoint."""

LOOK_SECONDS = 0.05
"""Between looks at how far the read model of channels is."""

_UNKNOWN = -1

_OF_CHANNELS: frozenset[type[Fact]] = frozenset(get_args(notification.Event))


class Notifier:
    """Makes deliveries. Any number of processes may run one; one of them works."""

    def __init__(self, core: Core, deliveries: Deliveries) -> None:
        self._core = core
        self._deliveries = deliveries
        self._whereabouts = Whereabouts(core)
        self._channels: dict[TenantId, dict[ChannelId, ChannelRow]] = {}
        self._position = _UNKNOWN
        """The last fact that was taken: the channels are known as they stood there."""

    async def run(self) -> NoReturn:
        """Follow the log until cancelled; a server that is away is waited for."""
        await tail(self._core.database, self._core.log, OFFICE, self._take)

    async def _take(self, page: Sequence[Recorded]) -> None:
        if self._position != page[0].position - 1:
            await self._load(page[0].position - 1)
        self._position = _UNKNOWN  # where we stop half way, the channels are ahead of what was told
        if told := [each for one in page for each in await self._told(one)]:
            await self._deliveries.enqueue(told)
        for one in page:
            await self._obey(one)
        self._position = page[-1].position

    async def _told(self, recorded: Recorded) -> list[tuple[Recorded, ChannelId, TenantId]]:
        tenant = tenant_of(recorded)
        if type(recorded.fact) in _OF_CHANNELS:
            self._follow(recorded)
        return [
            (recorded, row.id, tenant)
            for row in self._channels.get(tenant, {}).values()
            if row.status is ChannelStatus.ACTIVE
            and recorded.position > row.since
            and await subscribed(row, recorded, self._whereabouts)
        ]

    def _follow(self, recorded: Recorded) -> None:
        """Let the channels stand as they do behind this fact: what the read model does, at our own pace."""
        rows = self._channels.setdefault(recorded.context.tenant_id, {})
        for change in channels.project(recorded):
            match change:
                case Put():
                    rows[change.table.key_of(change.row)] = cast("ChannelRow", change.row)
                case Patch():
                    if known := rows.get(change.key):  # one that is removed later on was not loaded
                        rows[change.key] = replace(known, **change.fields)
                case Remove():
                    rows.pop(change.key, None)

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
                await self._deliveries.cancel(fact.channel_id, recorded.position)
            case ChannelResumed() as fact:
                await self._deliveries.recovered(fact.channel_id)
            case _:
                return

    async def _load(self, position: int) -> None:
        """Let the channels stand as they did at a position: the read model, which is further, knows which there are."""
        while await self._projected() < position:  # noqa: ASYNC110 - the projector may be another process
            await asyncio.sleep(LOOK_SECONDS)
        self._channels = {}
        for row in await channels.everywhere(self._core.reader):
            for recorded in await self._core.log.read(stream(DECIDER.category, row.id)):
                if recorded.position <= position:
                    self._follow(recorded)

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
