"""What a channel may live through."""

from collections.abc import Iterator
from datetime import UTC, datetime

from domain.fact import Fact
from domain.identifiers import ChannelId, DeliveryId, ProjectId
from domain.notification import (
    ChannelAdded,
    ChannelDisabled,
    ChannelPaused,
    ChannelRedirected,
    ChannelRemoved,
    ChannelRenamed,
    ChannelResumed,
    ChannelSubscribed,
    ChannelTested,
    DeliveryAbandoned,
    EmailTarget,
    RedeliveryRequested,
    ReplayRequested,
    SigningSecretRotated,
    SlackTarget,
    Subscription,
    Tls,
    WebhookTarget,
)

MAIL = EmailTarget(
    host="mail.example.com",
    port=587,
    tls=Tls.STARTTLS,
    sender="ship@example.com",
    recipients=("ops@example.com",),
    user="ship",
)
HOOK = WebhookTarget(shown="https://example.com/hooks")
SLACK = SlackTarget(shown="https://hooks.slack.com/…")
DELIVERY = DeliveryId("01900000-0000-7000-8000-000000000009")
UNTIL = datetime(2026, 1, 3, tzinfo=UTC)


def life(channel: ChannelId, project: ProjectId, slot: int) -> Iterator[Fact]:
    """A channel that is added, changed in every way, and removed."""
    everything, failures = Subscription(events=("*",)), Subscription(events=("deployment.failed",), project_id=project)
    yield ChannelAdded(channel_id=channel, name="ops", target=HOOK, subscription=everything, slot=slot, signed=True)
    yield ChannelTested(channel_id=channel, name="ops", delivered=False, answer="502 Bad gateway")
    yield ChannelRedirected(channel_id=channel, target=SLACK, credential_version=2)
    yield ChannelRedirected(channel_id=channel, target=MAIL, credential_version=3)
    yield ChannelSubscribed(channel_id=channel, subscription=failures)
    yield SigningSecretRotated(channel_id=channel, name="ops", version=2, former_until=UNTIL)
    yield ChannelPaused(channel_id=channel)
    yield ChannelResumed(channel_id=channel)
    yield RedeliveryRequested(channel_id=channel, name="ops", delivery_id=DELIVERY)
    yield ReplayRequested(channel_id=channel, name="ops", from_position=3, to_position=7)
    yield DeliveryAbandoned(
        channel_id=channel,
        name="ops",
        delivery_id=DELIVERY,
        position=5,
        type="deployment.failed",
        attempts=13,
        answer="503 Later.",
    )
    yield ChannelDisabled(channel_id=channel, name="ops", reason="Nothing got through for 3 days.")
    yield ChannelRenamed(channel_id=channel, name="operations", former="ops")
    yield ChannelRemoved(channel_id=channel, name="operations")
