"""Channels and deliveries."""

from typing import Any

from msgspec.structs import asdict

from adapters.http.native.wire.notifications import (
    AttemptOut,
    ChannelOut,
    DeliveryDetail,
    DeliveryOut,
    Kind,
    NewChannel,
    SmtpOut,
    TestOut,
)
from adapters.notifications.deliveries import DeliveryRow, DeliveryStatus
from domain.notification import EmailTarget, SlackTarget, Target, WebhookTarget
from projections.channels import ChannelRow

KIND: dict[type[Target], Kind] = {EmailTarget: "email", SlackTarget: "slack", WebhookTarget: "webhook"}


def channel(row: ChannelRow) -> ChannelOut:
    """A channel, without what opens it."""
    mail = row.target if isinstance(row.target, EmailTarget) else None
    return ChannelOut(
        id=row.id,
        name=row.name,
        type=KIND[type(row.target)],
        status=row.status,
        disabled_because=row.disabled_because,
        events=list(row.events),
        project_id=row.project_id,
        environment_id=row.environment_id,
        url=None if isinstance(row.target, EmailTarget) else row.target.shown,
        smtp=_smtp(mail) if mail else None,
        recipients=list(mail.recipients) if mail else [],
        signed=bool(row.signing_version),
        former_secret_until=row.former_secret_until,
        last_test=test(row),
        since=row.since,
        stopped_at=row.stopped_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def new_channel(row: ChannelRow, secret: str | None) -> NewChannel:
    """A channel with its signing secret, this once."""
    return NewChannel(**asdict(channel(row)), signing_secret=secret)


def _smtp(target: EmailTarget) -> SmtpOut:
    return SmtpOut(
        host=target.host,
        port=target.port,
        tls=target.tls,
        user=target.user,
        has_password=target.user is not None,
        sender=target.sender,
    )


def test(row: ChannelRow) -> TestOut | None:
    """What came of the last test message."""
    if row.tested_at is None:
        return None
    return TestOut(at=row.tested_at, delivered=bool(row.test_delivered), answer=row.test_answer or "")


def delivery(row: DeliveryRow) -> DeliveryOut:
    """A delivery."""
    return DeliveryOut(**_delivery(row))


def delivery_detail(row: DeliveryRow) -> DeliveryDetail:
    """A delivery with its attempts."""
    return DeliveryDetail(**_delivery(row), tried=_tried(row))


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "channel_id": row.channel_id,
        "status": row.status,
        "position": row.position,
        "event_type": row.type,
        "subject": row.subject,
        "attempts": row.attempts,
        "next_attempt_at": row.due_at if row.status is DeliveryStatus.PENDING else None,
        "created_at": row.created_at,
        "ended_at": row.ended_at,
        "last_answer": row.tried[-1].line if row.tried else None,
    }


def _tried(row: DeliveryRow) -> list[AttemptOut]:
    return [AttemptOut(**asdict(attempt)) for attempt in row.tried]
