"""From what is sent about channels to commands, and to what is sealed."""

from msgspec import UNSET, UnsetType

from adapters.http.dispatch import Call
from adapters.http.native.wire.notifications import ChannelCreation, ChannelPatch, SmtpPatch
from adapters.network import AddressRefused
from adapters.notifications.http import endpoint
from adapters.notifications.sending import Sender, test_message
from adapters.settings import Settings
from commands import notification
from commands.checks import invalid
from commands.handling import Caused
from commands.notification import (
    AddChannel,
    ChangeChannel,
    MailChanges,
    ReportTest,
    receiver,
    require_channel,
)
from commands.ports import SecretValue
from domain.identifiers import ChannelId
from domain.notification import EmailTarget, SlackTarget, Subscription, Target, WebhookTarget

LONGEST_PASSWORD = 1000
RECEIVERS: dict[str, type[SlackTarget | WebhookTarget]] = {"slack": SlackTarget, "webhook": WebhookTarget}


def addition(body: ChannelCreation, channel_id: ChannelId, settings: Settings) -> tuple[AddChannel, SecretValue | None]:
    """Add a channel, and its address or password. Raises ``Invalid``."""
    target, credential = _mail(body) if body.type == "email" else _receiver(body, settings)
    command = AddChannel(
        channel_id=channel_id,
        name=body.name,
        target=target,
        subscription=Subscription(
            events=_once(body.events), project_id=body.project_id, environment_id=body.environment_id
        ),
    )
    return command, credential


def change(body: ChannelPatch, channel_id: ChannelId, settings: Settings) -> tuple[ChangeChannel, SecretValue | None]:
    """Change a channel, and its new address or password. Raises ``Invalid``."""
    command = ChangeChannel(
        channel_id=channel_id,
        name=body.name,
        events=UNSET if body.events is UNSET else _once(body.events),
        project_id=body.project_id,
        environment_id=body.environment_id,
        shown=UNSET if body.url is UNSET else _shown(body.url, settings),
        mail=_changes(body.smtp, body.recipients),
        paused=body.paused,
    )
    if body.url is not UNSET:
        return command, SecretValue(body.url)
    return command, _password(body.smtp.password if body.smtp else None)


async def tested(call: Call, channel_id: ChannelId) -> Caused:
    """Send a test message, and keep what came of it."""
    state = await call.handler.state(notification.DECIDER, channel_id, call.tenant)
    require_channel(state)
    sender = Sender(call.parts.vault, call.parts.clock, allow_private=call.parts.settings.allow_private_networks)
    said = test_message(channel_id, call.context)
    verdict = await sender.send(call.tenant, channel_id, state, said)
    command = ReportTest(channel_id=channel_id, delivered=verdict.delivered, answer=verdict.line)
    return await call.handler.handle(command, call.context, request=call.request)


def _mail(body: ChannelCreation) -> tuple[Target, SecretValue | None]:
    smtp = body.smtp
    if smtp is None or body.url is not None:
        raise invalid("smtp", "and recipients are what a channel of type 'email' has; leave url out")
    if (smtp.user is None) != (smtp.password is None):
        raise invalid("smtp.password", "and smtp.user go together")
    target = EmailTarget(
        host=smtp.host,
        port=smtp.port,
        tls=smtp.tls,
        user=smtp.user,
        sender=smtp.sender,
        recipients=_once(body.recipients),
    )
    return target, _password(smtp.password)


def _receiver(body: ChannelCreation, settings: Settings) -> tuple[Target, SecretValue]:
    if body.url is None or body.smtp is not None or body.recipients:
        raise invalid("url", f"is what a channel of type '{body.type}' has; leave smtp and recipients out")
    return receiver(RECEIVERS[body.type], _shown(body.url, settings)), SecretValue(body.url)


def _shown(url: str, settings: Settings) -> str:
    """As much of the address as may be shown, if it may be posted to."""
    try:
        return endpoint(url, allow_private=settings.allow_private_networks).shown
    except AddressRefused as refused:
        raise invalid("url", str(refused)) from refused


def _changes(smtp: SmtpPatch | UnsetType, recipients: tuple[str, ...] | UnsetType) -> MailChanges | UnsetType:
    if smtp is UNSET and recipients is UNSET:
        return UNSET
    given = SmtpPatch() if smtp is UNSET else smtp
    return MailChanges(
        host=given.host,
        port=given.port,
        tls=given.tls,
        user=given.user,
        sender=given.sender,
        recipients=UNSET if recipients is UNSET else _once(recipients),
    )


def _password(password: str | UnsetType | None) -> SecretValue | None:
    if password is UNSET or password is None:
        return None
    if not 1 <= len(password) <= LONGEST_PASSWORD or not password.isprintable():
        raise invalid("smtp.password", f"must be 1 to {LONGEST_PASSWORD} printable characters")
    return SecretValue(password)


def _once(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Each of them once."""
    return tuple(dict.fromkeys(texts))
