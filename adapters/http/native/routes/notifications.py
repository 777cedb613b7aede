"""Notifications: channels, and what was delivered to them."""

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import subscribing as asking
from adapters.http.native import words
from adapters.http.native.wire.notifications import (
    ChannelCreation,
    ChannelOut,
    ChannelPatch,
    DeliveryDetail,
    DeliveryOut,
    NewChannel,
    NewSigningSecret,
    ReplayIn,
    TestOut,
)
from adapters.http.paging import Asked, Listing
from adapters.notifications import signing
from adapters.notifications.deliveries import DeliveryRow, DeliveryStatus
from commands import subscribing
from commands.command import Command
from commands.notification import RemoveChannel, RequestRedelivery, RequestReplay
from domain.access import Access
from domain.identifiers import ChannelId, DeliveryId
from projections import channels
from projections.channels import ChannelRow

CHANNELS = "/tenants/{tenant_id:str}/notification-channels"
CHANNEL = CHANNELS + "/{channel_id:str}"
DELIVERIES = CHANNEL + "/deliveries"
DELIVERY = DELIVERIES + "/{delivery_id:str}"


@get(CHANNELS)
async def list_channels(call: NamedDependency[Call], asked: NamedDependency[Asked]) -> Listing[ChannelOut]:
    """List channels, by name."""
    page = await channels.listing(call.reader, call.tenant, asked.paging)
    return call.listed(page, asked, words.notifications.channel)


@post(CHANNELS)
async def add_channel(data: JSONBody[ChannelCreation], call: NamedDependency[Call]) -> Answer[NewChannel]:
    """Add a channel.

    It is told of what happens from here on. The signing secret of a webhook is shown in this answer, and never again.
    """
    channel_id = ChannelId(call.new("channel"))
    command, credential = asking.addition(data, channel_id, call.parts.settings)
    secret = signing.new_secret() if data.type == "webhook" else None
    await call.perform(
        subscribing.add_channel(
            call.handler,
            call.parts.vault,
            call.context,
            command,
            credential=credential,
            signing_secret=secret,
            request=call.request,
        )
    )
    row = await _found(call, channel_id)
    shown = None if secret is None or call.replayed else secret.reveal
    return call.shown(row.revision, words.notifications.new_channel(row, shown), status=201)


@get(CHANNEL)
async def show_channel(channel_id: FromPath[ChannelId], call: NamedDependency[Call]) -> Answer[ChannelOut]:
    """Show a channel."""
    return await _shown(call, channel_id)


@patch(CHANNEL)
async def change_channel(
    channel_id: FromPath[ChannelId], data: JSONBody[ChannelPatch], call: NamedDependency[Call]
) -> Answer[ChannelOut]:
    """Change a channel, pause or resume it.

    What is left out stays.
    """
    command, credential = asking.change(data, channel_id, call.parts.settings)
    await call.perform(
        subscribing.change_channel(
            call.handler, call.parts.vault, call.context, command, credential=credential, request=call.request
        )
    )
    return await _shown(call, channel_id)


@delete(CHANNEL)
async def remove_channel(channel_id: FromPath[ChannelId], call: NamedDependency[Call]) -> None:
    """Remove a channel.

    What waits for it is not sent.
    """
    await _handled(call, RemoveChannel(channel_id=channel_id))


@post(CHANNEL + "/test", status_code=200, opt={NEEDS: Access.DEVELOP})
async def test_channel(channel_id: FromPath[ChannelId], call: NamedDependency[Call]) -> Answer[TestOut]:
    """Send a test message.

    The answer says what the receiver said; that it refused is no error. A paused channel can be tested.
    """
    await call.perform(asking.tested(call, channel_id))
    row = await _found(call, channel_id)
    return call.shown(row.revision, existing(words.notifications.test(row), "test"))


@post(CHANNEL + "/rotate-secret", status_code=200)
async def rotate_signing_secret(
    channel_id: FromPath[ChannelId], call: NamedDependency[Call]
) -> Answer[NewSigningSecret]:
    """Sign by another secret.

    For a day messages are signed by both, so that receivers can be changed at leisure.
    """
    secret = signing.new_secret()
    await call.perform(
        subscribing.rotate_signing_secret(
            call.handler, call.parts.vault, call.context, channel_id, secret, request=call.request
        )
    )
    row = await _found(call, channel_id)
    shown = None if call.replayed else secret.reveal
    return call.shown(row.revision, NewSigningSecret(signing_secret=shown, former_until=row.former_secret_until))


@post(CHANNEL + "/replay", status_code=202, opt={NEEDS: Access.DEVELOP})
async def replay_channel(
    channel_id: FromPath[ChannelId], data: JSONBody[ReplayIn], call: NamedDependency[Call]
) -> Answer[ChannelOut]:
    """Tell again of what happened.

    Deliveries have the same ids as the first time, so that receivers can tell them.
    """
    head = await call.parts.log.head()
    until = head if data.to_position is None else min(head, data.to_position)
    await _handled(call, RequestReplay(channel_id=channel_id, from_position=data.from_position, to_position=until))
    return await _shown(call, channel_id, status=202)


@get(DELIVERIES)
async def list_deliveries(
    channel_id: FromPath[ChannelId],
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    status: Annotated[DeliveryStatus | None, QueryParameter(description="Only these.")] = None,
) -> Listing[DeliveryOut]:
    """List deliveries of the last 30 days, the newest event first."""
    await _found(call, channel_id)
    page = await call.parts.deliveries.listing(call.tenant, channel_id, asked.paging, status=status)
    return call.listed(page, asked, words.notifications.delivery)


@get(DELIVERY)
async def show_delivery(
    channel_id: FromPath[ChannelId], delivery_id: FromPath[DeliveryId], call: NamedDependency[Call]
) -> Answer[DeliveryDetail]:
    """Show a delivery, with each of its last attempts."""
    return _delivery(call, await _sent(call, channel_id, delivery_id))


@post(DELIVERY + "/redeliver", status_code=202, opt={NEEDS: Access.DEVELOP})
async def redeliver(
    channel_id: FromPath[ChannelId], delivery_id: FromPath[DeliveryId], call: NamedDependency[Call]
) -> Answer[DeliveryDetail]:
    """Send a delivery again, whatever became of it.

    It keeps its id.
    """
    await _sent(call, channel_id, delivery_id)
    await _handled(call, RequestRedelivery(channel_id=channel_id, delivery_id=delivery_id))
    return _delivery(call, await _sent(call, channel_id, delivery_id), status=202)


async def _handled(call: Call, command: Command) -> None:
    await call.perform(call.handler.handle(command, call.context, request=call.request))


async def _found(call: Call, channel_id: ChannelId) -> ChannelRow:
    return existing(await channels.find(call.reader, call.tenant, channel_id), "channel")


async def _sent(call: Call, channel_id: ChannelId, delivery_id: DeliveryId) -> DeliveryRow:
    return existing(await call.parts.deliveries.find(call.tenant, channel_id, delivery_id), "delivery")


async def _shown(call: Call, channel_id: ChannelId, *, status: int = 200) -> Answer[ChannelOut]:
    row = await _found(call, channel_id)
    return call.shown(row.revision, words.notifications.channel(row), status=status)


def _delivery(call: Call, row: DeliveryRow, *, status: int = 200) -> Answer[DeliveryDetail]:
    return call.shown(row.attempts, words.notifications.delivery_detail(row), status=status)


ROUTES = [
    list_channels,
    add_channel,
    show_channel,
    change_channel,
    remove_channel,
    test_channel,
    rotate_signing_secret,
    replay_channel,
    list_deliveries,
    show_delivery,
    redeliver,
]
