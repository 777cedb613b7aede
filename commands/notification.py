"""Channels: what may be asked. What is sealed was sealed before, and travels beside the facts."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from commands.account import EMAIL
from commands.checks import between, check, invalid, name
from commands.command import Command
from commands.decider import Decider
from domain.catalogue import FACTS
from domain.fact import Value
from domain.identifiers import ChannelId, DeliveryId, EnvironmentId, ProjectId
from domain.notification import (
    EVERYTHING,
    GROUPS,
    Channel,
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
    EmailTarget,
    Event,
    RedeliveryRequested,
    ReplayRequested,
    SigningSecretRotated,
    SlackTarget,
    Subscription,
    Target,
    Tls,
    WebhookTarget,
    evolve,
)
from domain.rejection import Conflict, NotFound

MOST_EVENTS = 50
"""How many entries a subscription may have."""
MOST_RECIPIENTS = 20
LONGEST_ANSWER = 300
"""Characters of a receiver's answer that facts keep."""


class AddChannel(Command):
    """Tell a new channel of events. ``slot`` counts the workspace's channels."""

    channel_id: ChannelId
    name: str
    target: Target
    subscription: Subscription
    slot: int = 1


class MailChanges(Value):
    """Changes of where mail goes and by which server."""

    host: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    tls: Tls | UnsetType = UNSET
    user: str | UnsetType | None = UNSET
    sender: str | UnsetType = UNSET
    recipients: tuple[str, ...] | UnsetType = UNSET


class ChangeChannel(Command):
    """Change what is given. ``shown`` is a new address as far as it may be shown; a new address or password was sealed
    as ``credential_version``."""

    channel_id: ChannelId
    name: str | UnsetType = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    project_id: ProjectId | UnsetType | None = UNSET
    environment_id: EnvironmentId | UnsetType | None = UNSET
    shown: str | UnsetType = UNSET
    mail: MailChanges | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    credential_version: int | UnsetType = UNSET


class RotateSigningSecret(Command):
    """Sign by another secret, which was sealed as ``version``; the former one goes on being used for a while."""

    channel_id: ChannelId
    version: int
    former_until: datetime


class ReportTest(Command):
    """A test message was sent."""

    channel_id: ChannelId
    delivered: bool
    answer: str


class RequestRedelivery(Command):
    """Send a delivery again."""

    channel_id: ChannelId
    delivery_id: DeliveryId


class RequestReplay(Command):
    """Tell again of what happened behind ``from_position``, up to and including ``to_position``."""

    channel_id: ChannelId
    from_position: int
    to_position: int


class AbandonDelivery(Command):
    """Report that a delivery is not tried again."""

    channel_id: ChannelId
    delivery_id: DeliveryId
    position: int
    type: str
    attempts: int
    answer: str


class DisableChannel(Command):
    """Stop a channel through which nothing gets."""

    channel_id: ChannelId
    reason: str


class RemoveChannel(Command):
    """Send nothing there any more."""

    channel_id: ChannelId


ChannelCommand = (
    AddChannel
    | ChangeChannel
    | RotateSigningSecret
    | ReportTest
    | RequestRedelivery
    | RequestReplay
    | AbandonDelivery
    | DisableChannel
    | RemoveChannel
)


def decide(command: ChannelCommand, state: Channel) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case AddChannel():
            return [] if state.added else _add(command)
        case ChangeChannel():
            require_channel(state)
            return list(_change(command, state))
        case RotateSigningSecret():
            return _rotate(command, state)
        case ReportTest():
            require_channel(state)
            answer = command.answer[:LONGEST_ANSWER]
            return [
                ChannelTested(
                    channel_id=command.channel_id, name=state.name, delivered=command.delivered, answer=answer
                )
            ]
        case RequestRedelivery():
            _require_active(state)
            return [
                RedeliveryRequested(channel_id=command.channel_id, name=state.name, delivery_id=command.delivery_id)
            ]
        case RequestReplay():
            return _replay(command, state)
        case AbandonDelivery():
            return _abandon(command, state)
        case DisableChannel():
            if state.removed or state.status is not ChannelStatus.ACTIVE:
                return []
            return [ChannelDisabled(channel_id=command.channel_id, name=state.name, reason=command.reason)]
        case RemoveChannel():
            require_channel(state)
            return [ChannelRemoved(channel_id=command.channel_id, name=state.name)]


def require_channel(state: Channel) -> Target:
    """Where it leads; refuse where the channel never was, or was removed."""
    if state.target is None or state.removed:
        raise NotFound("There is no such channel.")
    return state.target


def _require_active(state: Channel) -> None:
    require_channel(state)
    if state.status is not ChannelStatus.ACTIVE:
        message = f"The channel is {state.status}, so nothing is sent. Resume it first: PATCH with paused = false."
        raise Conflict(message, code=f"channel_{state.status}")


def _add(command: AddChannel) -> Sequence[Event]:
    check([("name", name(command.name)), *_target(command.target), *_subscription(command.subscription)])
    return [
        ChannelAdded(
            channel_id=command.channel_id,
            name=command.name,
            target=command.target,
            subscription=command.subscription,
            slot=command.slot,
            signed=isinstance(command.target, WebhookTarget),
        )
    ]


def _change(command: ChangeChannel, state: Channel) -> Iterator[Event]:
    channel = command.channel_id
    if command.name is not UNSET and command.name != state.name:
        check([("name", name(command.name))])
        yield ChannelRenamed(channel_id=channel, name=command.name, former=state.name)
    yield from _redirected(command, state)
    subscription = resubscribed(command, state.subscription)
    if subscription != state.subscription:
        check(_subscription(subscription))
        yield ChannelSubscribed(channel_id=channel, subscription=subscription)
    if command.paused is True and state.status is ChannelStatus.ACTIVE:
        yield ChannelPaused(channel_id=channel)
    if command.paused is False and state.status is not ChannelStatus.ACTIVE:
        yield ChannelResumed(channel_id=channel)


def resubscribed(command: ChangeChannel, subscription: Subscription) -> Subscription:
    """What the channel is subscribed to afterwards."""
    given = {"events": command.events, "project_id": command.project_id, "environment_id": command.environment_id}
    return replace(subscription, **{field: value for field, value in given.items() if value is not UNSET})


def receiver(kind: type[SlackTarget | WebhookTarget], shown: str) -> SlackTarget | WebhookTarget:
    """A target at an address; the path of Slack's addresses is a secret itself."""
    if kind is WebhookTarget:
        return WebhookTarget(shown=shown)
    return SlackTarget(shown="/".join([*shown.split("/")[:3], "…"]))


def _redirected(command: ChangeChannel, state: Channel) -> Iterator[ChannelRedirected]:
    former = require_channel(state)
    target = _moved(command, former)
    version = state.credential_version
    if command.credential_version is not UNSET:
        if command.credential_version != version + 1:
            raise Conflict("Somebody else has just changed the channel. Try again.", code="busy")
        version += 1
    elif isinstance(target, EmailTarget) and isinstance(former, EmailTarget):
        _require_same_server(target, former)
    if target != former or version != state.credential_version:
        check(_target(target))
        yield ChannelRedirected(channel_id=command.channel_id, target=target, credential_version=version)


def _moved(command: ChangeChannel, target: Target) -> Target:
    match target:
        case EmailTarget():
            if command.shown is not UNSET:
                raise invalid("url", "is not what a channel of type 'email' has; give smtp and recipients")
            changes = {} if command.mail is UNSET else asdict(command.mail)
            return replace(target, **{field: value for field, value in changes.items() if value is not UNSET})
        case SlackTarget() | WebhookTarget():
            if command.mail is not UNSET:
                raise invalid("smtp", "and recipients are for channels of type 'email' alone; give url")
            return target if command.shown is UNSET else receiver(type(target), command.shown)


def _require_same_server(target: EmailTarget, former: EmailTarget) -> None:
    """The kept password goes only to the server that it was given for, or whoever may change it could read it."""
    kept = (target.host, target.port, target.tls, target.user)
    if target.user is not None and kept != (former.host, former.port, former.tls, former.user):
        raise invalid("smtp.password", "must be given again where the server, its TLS mode or the user changes")


def _rotate(command: RotateSigningSecret, state: Channel) -> Sequence[Event]:
    require_channel(state)
    if not state.signing_version:
        raise Conflict("Only messages of a channel of type 'webhook' are signed.", code="not_signed")
    if command.version != state.signing_version + 1:
        raise Conflict("Somebody else has just rotated the secret. Try again.", code="busy")
    return [
        SigningSecretRotated(
            channel_id=command.channel_id,
            name=state.name,
            version=command.version,
            former_until=command.former_until,
        )
    ]


def _replay(command: RequestReplay, state: Channel) -> Sequence[Event]:
    _require_active(state)
    if not 0 <= command.from_position < command.to_position:
        raise invalid("fromPosition", f"must be from 0 to {command.to_position - 1}, where the last event stands")
    return [
        ReplayRequested(
            channel_id=command.channel_id,
            name=state.name,
            from_position=command.from_position,
            to_position=command.to_position,
        )
    ]


def _abandon(command: AbandonDelivery, state: Channel) -> Sequence[Event]:
    if state.added is None or state.removed:
        return []
    return [
        DeliveryAbandoned(
            channel_id=command.channel_id,
            name=state.name,
            delivery_id=command.delivery_id,
            position=command.position,
            type=command.type,
            attempts=command.attempts,
            answer=command.answer[:LONGEST_ANSWER],
        )
    ]


def selectable() -> Sequence[str]:
    """Everything that a subscription may name: all, groups, first words of tags, and tags."""
    families = {tag.partition(".")[0] for tag in FACTS}
    return [EVERYTHING, *sorted({*families, *GROUPS}), *sorted(FACTS)]


def _subscription(wanted: Subscription) -> Iterator[tuple[str, str | None]]:
    if not 1 <= len(wanted.events) <= MOST_EVENTS:
        yield "events", f"must name 1 to {MOST_EVENTS} events; '*' names all"
    if wanted.environment_id and not wanted.project_id:
        yield "environmentId", "needs the projectId of its project beside it"
    unknown = [event for event in wanted.events if event not in selectable()]
    if unknown:
        yield "events", f"'{unknown[0][:100]}' is no event; name such as 'deployment.failed', 'deployment' or '*'"


def _target(target: Target) -> Iterator[tuple[str, str | None]]:
    match target:
        case EmailTarget():
            yield "smtp.host", name(target.host, 253)
            yield "smtp.port", between(target.port, 1, 65_535)
            yield "smtp.user", None if target.user is None else name(target.user, 254)
            if target.user is not None and target.tls is Tls.NONE:
                yield "smtp.tls", "must be 'starttls' or 'implicit' where somebody logs in"
            yield "smtp.sender", _address(target.sender)
            if not 1 <= len(target.recipients) <= MOST_RECIPIENTS:
                yield "recipients", f"must be 1 to {MOST_RECIPIENTS} e-mail addresses"
            yield from (("recipients", _address(recipient)) for recipient in target.recipients)
        case SlackTarget() | WebhookTarget():
            yield "url", name(target.shown, 2048)


def _address(address: str) -> str | None:
    if EMAIL.fullmatch(address) and not name(address, 254) and not set('<>,;:"()[]\\') & set(address):
        return None
    return "must be an e-mail address such as you@example.com"


DECIDER = Decider(category="channel", initial=Channel(), decide=decide, evolve=evolve)
