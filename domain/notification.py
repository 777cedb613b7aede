"""A channel: where a workspace is told of what happens, and of which events.

Facts hold nothing that opens a channel: an incoming webhook's address, a password and a signing secret are sealed in
the vault, under the channel's id. How each delivery fares is no fact but a row (``adapters.notifications``); that one
was given up is.
"""

from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import ChannelId, DeliveryId, EnvironmentId, ProjectId

EVERYTHING = "*"
"""Selects every event."""

GROUPS = {
    "domain": ("custom-domain.",),
    "rollback": ("environment.rolled-back",),
}
"""Names for several events that have no first word in common with the name; each selects tags that begin so."""

UNTOLD = frozenset({"channel.tested", "channel.delivery-abandoned"})
"""What no channel is told of: it would be told of its own deliveries, and two that fail would tell each other."""


class Tls(StrEnum):
    """How a connection to a mail server is encrypted: from the beginning, after ``STARTTLS`` (RFC 3207), or not."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class EmailTarget(Value, tag_field="kind", tag="email"):
    """Mail through a server of the workspace's own. Where there is a ``user``, the vault holds the password."""

    host: str
    port: int
    tls: Tls
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None


class SlackTarget(Value, tag_field="kind", tag="slack"):
    """An incoming webhook that takes Slack's messages. Its address is sealed; ``shown`` is its beginning."""

    shown: str


class WebhookTarget(Value, tag_field="kind", tag="webhook"):
    """A receiver of signed messages (Standard Webhooks). Its address is sealed; ``shown`` is that without a query."""

    shown: str


Target = EmailTarget | SlackTarget | WebhookTarget


class Subscription(Value):
    """Which events: tags, first words of tags, groups, or all; of one project or environment where given."""

    events: tuple[str, ...]
    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None

    def selects(self, tag: str) -> bool:
        """Whether such events are told, wherever they happen."""
        return tag not in UNTOLD and any(_selects(event, tag) for event in self.events)


def _selects(event: str, tag: str) -> bool:
    return event in {EVERYTHING, tag, tag.partition(".")[0]} or tag.startswith(GROUPS.get(event, "\0"))


class ChannelAdded(Fact, tag="channel.added"):
    """The workspace is told of events there. ``signed``: each message carries a signature, by secret 1."""

    channel_id: ChannelId
    name: str
    target: Target
    subscription: Subscription
    slot: int
    signed: bool = False


class ChannelRenamed(Fact, tag="channel.renamed"):
    """The channel is called otherwise."""

    channel_id: ChannelId
    name: str
    former: str


class ChannelRedirected(Fact, tag="channel.redirected"):
    """Messages go elsewhere. ``credential_version`` is the sealed address's or password's."""

    channel_id: ChannelId
    target: Target
    credential_version: int


class ChannelSubscribed(Fact, tag="channel.subscribed"):
    """From here on it is told of these events."""

    channel_id: ChannelId
    subscription: Subscription


class ChannelPaused(Fact, tag="channel.paused"):
    """Somebody stopped it: nothing is sent, and what happens meanwhile is not kept for it."""

    channel_id: ChannelId


class ChannelResumed(Fact, tag="channel.resumed"):
    """It is told again of what happens from here on."""

    channel_id: ChannelId


class ChannelDisabled(Fact, tag="channel.disabled"):
    """Nothing got through for too long, so nothing more is tried until somebody resumes it."""

    channel_id: ChannelId
    name: str
    reason: str


class SigningSecretRotated(Fact, tag="channel.signing-secret-rotated"):
    """Messages are signed by secret ``version``, and by the one before as well until ``former_until``."""

    channel_id: ChannelId
    name: str
    version: int
    former_until: datetime


class ChannelTested(Fact, tag="channel.tested"):
    """Somebody had a test message sent; ``answer`` is what the receiver said."""

    channel_id: ChannelId
    name: str
    delivered: bool
    answer: str


class RedeliveryRequested(Fact, tag="channel.redelivery-requested"):
    """Somebody wants a delivery to be sent again."""

    channel_id: ChannelId
    name: str
    delivery_id: DeliveryId


class ReplayRequested(Fact, tag="channel.replay-requested"):
    """Somebody wants to be told again of what happened behind one position, up to and including another."""

    channel_id: ChannelId
    name: str
    from_position: int
    to_position: int


class DeliveryAbandoned(Fact, tag="channel.delivery-abandoned"):
    """The message about the event at ``position`` did not get through, and is not tried again."""

    channel_id: ChannelId
    name: str
    delivery_id: DeliveryId
    position: int
    type: str
    attempts: int
    answer: str


class ChannelRemoved(Fact, tag="channel.removed"):
    """Nothing is sent there any more."""

    channel_id: ChannelId
    name: str


Event = (
    ChannelAdded
    | ChannelRenamed
    | ChannelRedirected
    | ChannelSubscribed
    | ChannelPaused
    | ChannelResumed
    | ChannelDisabled
    | SigningSecretRotated
    | ChannelTested
    | RedeliveryRequested
    | ReplayRequested
    | DeliveryAbandoned
    | ChannelRemoved
)


class ChannelStatus(StrEnum):
    """Whether messages are sent: yes; stopped by somebody; stopped because nothing got through."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Channel(Value):
    """What later decisions and deliveries need of a channel."""

    added: ChannelAdded | None = None
    name: str = ""
    target: Target | None = None
    subscription: Subscription = Subscription(events=())
    status: ChannelStatus = ChannelStatus.ACTIVE
    credential_version: int = 1
    signing_version: int = 0
    """0: its messages are not signed."""
    former_until: datetime | None = None
    removed: bool = False


def evolve(state: Channel, fact: Event) -> Channel:
    """The channel after ``fact``."""
    match fact:
        case ChannelAdded():
            return _added(fact)
        case ChannelRenamed():
            return replace(state, name=fact.name)
        case ChannelRedirected():
            return replace(state, target=fact.target, credential_version=fact.credential_version)
        case ChannelSubscribed():
            return replace(state, subscription=fact.subscription)
        case ChannelPaused():
            return replace(state, status=ChannelStatus.PAUSED)
        case ChannelResumed():
            return replace(state, status=ChannelStatus.ACTIVE)
        case ChannelDisabled():
            return replace(state, status=ChannelStatus.DISABLED)
        case SigningSecretRotated():
            return replace(state, signing_version=fact.version, former_until=fact.former_until)
        case ChannelRemoved():
            return replace(state, removed=True)
        case ChannelTested() | RedeliveryRequested() | ReplayRequested() | DeliveryAbandoned():
            return state


def _added(fact: ChannelAdded) -> Channel:
    return Channel(
        added=fact,
        name=fact.name,
        target=fact.target,
        subscription=fact.subscription,
        signing_version=1 if fact.signed else 0,
    )
