"""Channels, and what was delivered to them."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from adapters.http.native.wire.shapes import In, Name, Out, said
from adapters.notifications.deliveries import DeliveryStatus
from domain.identifiers import ChannelId, DeliveryId, EnvironmentId, ProjectId, StreamName
from domain.notification import ChannelStatus, Tls

Kind = Literal["email", "slack", "webhook"]
Events = Annotated[
    tuple[str, ...],
    said(
        "Events by name ('deployment.failed'), by their first word ('deployment'), by group ('rollback', 'domain'), "
        "or '*' for all; at most 50.",
    ),
]
Address = Annotated[
    str, said("Where to post to, by https. Sealed, and never shown whole.", "https://example.com/hooks/shipbook")
]
Host = Annotated[str, said("The mail server's name.", "smtp.example.com")]
Port = Annotated[int, said("Its port: usually 587 for starttls, 465 for implicit, 25 for none.")]
TlsMode = Annotated[Tls, said("How the connection is encrypted.")]
User = Annotated[str, said("Whom to log in as; without one nobody logs in.", "ship")]
Password = Annotated[str, said("Sealed, and never shown.")]
Sender = Annotated[str, said("Whom mail is from.", "shipbook@example.com")]
Recipients = Annotated[tuple[str, ...], said("Whom mail goes to: 1 to 20 addresses.")]
PROJECT = said("Only what happens in this project.")
ENVIRONMENT = said("Only what happens in this environment; with projectId.")


class SmtpIn(In):
    """A mail server of the workspace's own."""

    host: Host
    sender: Sender
    port: Port = 587
    tls: TlsMode = Tls.STARTTLS
    user: User | None = None
    password: Password | None = None


class SmtpPatch(In):
    """Changes of a mail server; the password is needed again where host, port, tls or user change."""

    host: Host | UnsetType = UNSET
    sender: Sender | UnsetType = UNSET
    port: Port | UnsetType = UNSET
    tls: TlsMode | UnsetType = UNSET
    user: User | UnsetType | None = UNSET
    password: Password | UnsetType = UNSET


class ChannelCreation(In):
    """Tell a channel of events: by e-mail (``smtp`` and ``recipients``), to Slack or to a signed webhook (``url``)."""

    name: Name
    type: Kind
    events: Events = ("deployment.succeeded", "deployment.failed", "rollback")
    url: Address | None = None
    smtp: SmtpIn | None = None
    recipients: Recipients = ()
    project_id: Annotated[ProjectId | None, PROJECT] = None
    environment_id: Annotated[EnvironmentId | None, ENVIRONMENT] = None


class ChannelPatch(In):
    """Change what is given. ``paused`` false also resumes a channel that was disabled."""

    name: Name | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    url: Address | UnsetType = UNSET
    smtp: SmtpPatch | UnsetType = UNSET
    recipients: Recipients | UnsetType = UNSET
    project_id: Annotated[ProjectId | UnsetType | None, PROJECT] = UNSET
    environment_id: Annotated[EnvironmentId | UnsetType | None, ENVIRONMENT] = UNSET
    paused: Annotated[bool | UnsetType, said("Whether nothing is sent.")] = UNSET


class ReplayIn(In):
    """Tell again of what happened, as the channel is subscribed now."""

    from_position: Annotated[int, said("Of what happened behind this position of the event log.")]
    to_position: Annotated[int | None, said("Up to and including this one; else up to now.")] = None


class SmtpOut(Out):
    """A mail server; its password is never shown."""

    host: str
    port: int
    tls: Tls
    user: str | None
    has_password: bool
    sender: str


class TestOut(Out):
    """What came of the last test message; ``answer`` is what the receiver said."""

    at: datetime
    delivered: bool
    answer: str


class ChannelOut(Out):
    """A channel, without what opens it. ``since`` is the position behind which it is told of what happens; one that is
    paused or disabled stopped at ``stoppedAt``, from which it can be replayed after it was resumed."""

    id: ChannelId
    name: str
    type: Kind
    status: ChannelStatus
    disabled_because: str | None
    events: list[str]
    project_id: ProjectId | None
    environment_id: EnvironmentId | None
    url: str | None
    smtp: SmtpOut | None
    recipients: list[str]
    signed: bool
    former_secret_until: datetime | None
    last_test: TestOut | None
    since: int
    stopped_at: int | None
    created_at: datetime
    updated_at: datetime
    updated_by: str


class NewChannel(ChannelOut):
    """A channel with its signing secret, this once; null for other types, and in a repeated answer."""

    signing_secret: str | None


class NewSigningSecret(Out):
    """Another signing secret, this once; null in a repeated answer. Until ``formerUntil`` both sign."""

    signing_secret: str | None
    former_until: datetime | None


class AttemptOut(Out):
    """One try: ``code`` is HTTP's status or SMTP's reply, ``answer`` the beginning of what was said."""

    at: datetime
    duration_ms: int
    delivered: bool
    code: int | None
    answer: str


class DeliveryOut(Out):
    """An event on its way to a channel. ``position``, ``eventType`` and ``subject`` are the event's."""

    id: DeliveryId
    channel_id: ChannelId
    status: DeliveryStatus
    position: int
    event_type: str
    subject: StreamName
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    last_answer: str | None


class DeliveryDetail(DeliveryOut):
    """The same with its last attempts, the oldest first."""

    tried: list[AttemptOut]
