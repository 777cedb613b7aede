"""Adding channels, leading them elsewhere and rotating their secrets: what opens them is sealed beside the fact."""

from datetime import timedelta

from msgspec.structs import replace

from commands import notification, project
from commands.handling import Caused, Handler
from commands.notification import AddChannel, ChangeChannel, RotateSigningSecret, require_channel, resubscribed
from commands.ports import Request, SecretValue, Vault
from commands.project import require_environment, require_project
from domain.history import Context
from domain.identifiers import ChannelId
from domain.notification import Subscription
from domain.rejection import Conflict, NameTaken
from domain.reservations import CHANNEL_SLOT

MOST_CHANNELS = 20
"""How many channels a workspace may have."""
FORMER_SECRET = timedelta(hours=24)
"""So long messages are signed by the former secret as well, after another has taken its place."""


def signing(channel_id: ChannelId) -> str:
    """The name under which the vault keeps a channel's signing secrets; its address or password has the id alone."""
    return f"{channel_id}/signing"


async def add_channel(
    handler: Handler,
    vault: Vault,
    context: Context,
    command: AddChannel,
    *,
    credential: SecretValue | None,
    signing_secret: SecretValue | None,
    request: Request | None = None,
) -> Caused:
    """Add a channel. Raises ``NameTaken``, ``NotFound`` for its project, ``Conflict`` where there are too many."""
    if caused := await handler.replay(notification.DECIDER, command.channel_id, context, request):
        return caused
    await _require_place(handler, context, command.subscription)
    sealed = [
        await vault.seal(context.tenant_id, name, 1, value)
        for name, value in ((command.channel_id, credential), (signing(command.channel_id), signing_secret))
        if value
    ]
    for slot in range(1, MOST_CHANNELS + 1):
        try:
            return await handler.handle(replace(command, slot=slot), context, sealed=sealed, request=request)
        except NameTaken as taken:
            if not taken.scope.startswith(CHANNEL_SLOT):
                raise
    raise Conflict(f"A workspace may have {MOST_CHANNELS} channels. Remove one.", code="too_many_channels")


async def change_channel(
    handler: Handler,
    vault: Vault,
    context: Context,
    command: ChangeChannel,
    *,
    credential: SecretValue | None,
    request: Request | None = None,
) -> Caused:
    """Change a channel; ``credential`` is its new address or password."""
    state = await handler.state(notification.DECIDER, command.channel_id, context.tenant_id)
    require_channel(state)
    await _require_place(handler, context, resubscribed(command, state.subscription))
    if credential is None:
        return await handler.handle(command, context, request=request)
    version = state.credential_version + 1
    sealed = await vault.seal(context.tenant_id, command.channel_id, version, credential)
    return await handler.handle(replace(command, credential_version=version), context, sealed=[sealed], request=request)


async def rotate_signing_secret(
    handler: Handler,
    vault: Vault,
    context: Context,
    channel_id: ChannelId,
    secret: SecretValue,
    request: Request | None = None,
) -> Caused:
    """Sign by ``secret``, and for a day by the former one as well."""
    state = await handler.state(notification.DECIDER, channel_id, context.tenant_id)
    version = state.signing_version + 1
    command = RotateSigningSecret(channel_id=channel_id, version=version, former_until=context.at + FORMER_SECRET)
    sealed = await vault.seal(context.tenant_id, signing(channel_id), version, secret)
    return await handler.handle(command, context, sealed=[sealed], request=request)


async def _require_place(handler: Handler, context: Context, subscription: Subscription) -> None:
    if subscription.project_id is None:
        return
    state = await handler.state(project.DECIDER, subscription.project_id, context.tenant_id)
    require_project(state)
    if subscription.environment_id is not None:
        require_environment(state, subscription.environment_id)
