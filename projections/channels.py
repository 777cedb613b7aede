"""Channels: where a workspace is told of what happens."""

from collections.abc import Sequence
from datetime import datetime

from domain.history import Recorded
from domain.identifiers import ChannelId, EnvironmentId, ProjectId, TenantId
from domain.notification import (
    ChannelAdded,
    ChannelDisabled,
    ChannelPaused,
    ChannelRedirected,
    ChannelRemoved,
    ChannelRenamed,
    ChannelResumed,
    ChannelStatus,
    ChannelSubscribed,
    ChannelTested,
    DeliveryAbandoned,
    Event,
    RedeliveryRequested,
    ReplayRequested,
    SigningSecretRotated,
    Subscription,
    Target,
)
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import Page, Paging, Reader, Selection, every


class ChannelRow(Row):
    """A channel. It is told of what happens behind ``since``, the position at which it was added or resumed.

    ``stopped_at`` is the position at which it was paused or disabled, ``revision`` the stream's version.
    """

    id: ChannelId
    tenant_id: TenantId
    name: str
    target: Target
    events: tuple[str, ...]
    project_id: ProjectId | None
    environment_id: EnvironmentId | None
    status: ChannelStatus
    since: int
    stopped_at: int | None
    disabled_because: str | None
    signing_version: int
    former_secret_until: datetime | None
    tested_at: datetime | None
    test_delivered: bool | None
    test_answer: str | None
    created_at: datetime
    updated_at: datetime
    updated_by: str
    revision: int

    @property
    def subscription(self) -> Subscription:
        """Which events it is told of."""
        return Subscription(events=self.events, project_id=self.project_id, environment_id=self.environment_id)


CHANNELS = Table("channels", ChannelRow, key=("id",), indexes=(("tenant_id", "name"),))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of channels."""
    match recorded.fact:
        case ChannelAdded() as fact:
            return [Put(CHANNELS, _added(fact, recorded))]
        case ChannelRenamed() as fact:
            return [_changed(fact.channel_id, recorded, name=fact.name)]
        case ChannelRedirected() as fact:
            return [_changed(fact.channel_id, recorded, target=fact.target)]
        case ChannelSubscribed() as fact:
            return [_changed(fact.channel_id, recorded, **_subscription(fact.subscription))]
        case ChannelPaused() | ChannelDisabled() | ChannelResumed() as fact:
            return [_changed(fact.channel_id, recorded, **_status(fact, recorded))]
        case SigningSecretRotated() as fact:
            until = fact.former_until
            return [_changed(fact.channel_id, recorded, signing_version=fact.version, former_secret_until=until)]
        case ChannelTested() as fact:
            return [_tested(fact, recorded)]
        case RedeliveryRequested() | ReplayRequested() | DeliveryAbandoned() as fact:
            return [Patch(CHANNELS, fact.channel_id, {"revision": recorded.version})]
        case ChannelRemoved() as fact:
            return [Remove(CHANNELS, fact.channel_id)]
        case _:
            return []


def _added(fact: ChannelAdded, recorded: Recorded) -> ChannelRow:
    return ChannelRow(
        id=fact.channel_id,
        tenant_id=recorded.context.tenant_id,
        name=fact.name,
        target=fact.target,
        events=fact.subscription.events,
        project_id=fact.subscription.project_id,
        environment_id=fact.subscription.environment_id,
        status=ChannelStatus.ACTIVE,
        since=recorded.position,
        stopped_at=None,
        disabled_because=None,
        signing_version=1 if fact.signed else 0,
        former_secret_until=None,
        tested_at=None,
        test_delivered=None,
        test_answer=None,
        created_at=recorded.context.at,
        updated_at=recorded.context.at,
        updated_by=recorded.context.actor.name,
        revision=recorded.version,
    )


def _subscription(subscription: Subscription) -> dict[str, object]:
    return {
        "events": subscription.events,
        "project_id": subscription.project_id,
        "environment_id": subscription.environment_id,
    }


def _status(fact: ChannelPaused | ChannelDisabled | ChannelResumed, recorded: Recorded) -> dict[str, object]:
    match fact:
        case ChannelResumed():
            since = recorded.position
            return {"status": ChannelStatus.ACTIVE, "since": since, "stopped_at": None, "disabled_because": None}
        case ChannelPaused():
            return {"status": ChannelStatus.PAUSED, "stopped_at": recorded.position}
        case ChannelDisabled():
            reason = fact.reason
            return {
                "status": ChannelStatus.DISABLED,
                "stopped_at": recorded.position,
                "disabled_because": reason,
            }


def _tested(fact: ChannelTested, recorded: Recorded) -> Patch:
    fields = {
        "tested_at": recorded.context.at,
        "test_delivered": fact.delivered,
        "test_answer": fact.answer,
        "revision": recorded.version,
    }
    return Patch(CHANNELS, fact.channel_id, fields)


def _changed(channel_id: ChannelId, recorded: Recorded, **fields: object) -> Patch:
    changed = {
        "updated_at": recorded.context.at,
        "updated_by": recorded.context.actor.name,
        "revision": recorded.version,
    }
    return Patch(CHANNELS, channel_id, fields | changed)


MODEL = ReadModel("channels", [CHANNELS], project, Event)


async def find(reader: Reader, tenant: TenantId, channel_id: ChannelId) -> ChannelRow | None:
    """One channel."""
    return await reader.one(CHANNELS, {"tenant_id": tenant, "id": channel_id})


async def listing(reader: Reader, tenant: TenantId, paging: Paging) -> Page[ChannelRow]:
    """The workspace's channels by name."""
    return await reader.select(CHANNELS, Selection(equal={"tenant_id": tenant}, order_by="name"), paging)


async def everywhere(reader: Reader) -> list[ChannelRow]:
    """Every channel of the whole plane; for the office that tells them of events."""
    return await every(reader, CHANNELS, Selection())
