"""Channels: adding, changing, trying and removing them, and what was delivered to them."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from adapters.http.native.wire.notifications import (
    ChannelCreation,
    ChannelOut,
    ChannelPatch,
    DeliveryDetail,
    DeliveryOut,
    NewChannel,
    NewSigningSecret,
    ReplayIn,
    SmtpIn,
    TestOut,
)
from commands.notification import selectable
from domain.identifiers import EnvironmentId, ProjectId
from domain.notification import Subscription, Tls
from services.cli import finding
from services.cli.entering import hidden
from services.cli.session import Session
from services.console import age
from services.exits import Exit

CHANNELS = "notification-channels"
PORTS = {"starttls": 587, "implicit": 465, "none": 25}


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A mail server, as it was named on the command line."""

    host: str
    port: int | None
    tls: str
    user: str | None
    sender: str


def listing(session: Session) -> int:
    """The workspace's channels."""
    found = session.listed(ChannelOut, CHANNELS)
    session.console.document(found)
    session.console.table(
        ("NAME", "TYPE", "STATUS", "EVENTS", "WHERE TO", "CHANGED"),
        [(one.name, one.type, one.status, ", ".join(one.events), _place(one), age(one.updated_at)) for one in found],
        empty="There is no channel. Add one: shipbook notifications add-slack NAME",
    )
    return Exit.OK


def events(session: Session) -> int:
    """What a channel can be subscribed to."""
    everything, *names = selectable()
    session.console.document([everything, *names])
    groups = [name for name in names if "." not in name]
    session.console.table(
        ("ALL OF", "EVENTS"),
        [(group, ", ".join(name for name in names if Subscription(events=(group,)).selects(name))) for group in groups],
        empty="There are no events.",
    )
    return Exit.OK


def show(session: Session, wanted: str) -> int:
    """One channel."""
    found = _found(session, wanted)
    session.console.document(found)
    session.console.say(f"{found.name} ({found.type}, {found.status}): {_place(found)}")
    session.console.say(f"Events: {', '.join(found.events)}")
    if found.disabled_because:
        session.console.say(f"Disabled: {found.disabled_because}", "red")
    if found.stopped_at:
        session.console.say(f"Stopped at position {found.stopped_at}; after `resume`, `replay --from` tells the rest.")
    if found.last_test:
        outcome = "got through" if found.last_test.delivered else "failed"
        session.console.say(f"Last test, {age(found.last_test.at)}, {outcome}: {found.last_test.answer}")
    return Exit.OK


def add_receiver(
    session: Session,
    kind: Literal["webhook", "slack"],
    name: str,
    url: str,
    events: Sequence[str] | None,
    project: str | None,
    environment: str | None,
) -> int:
    """Add what is posted to."""
    place = _subscribed_place(session, project, environment)
    creation = ChannelCreation(name=name, type=kind, url=_url(url), project_id=place[0], environment_id=place[1])
    return _added(session, creation, events)


def add_mail(
    session: Session,
    name: str,
    server: Server,
    recipients: Sequence[str],
    events: Sequence[str] | None,
    project: str | None,
    environment: str | None,
) -> int:
    """Add mail."""
    place = _subscribed_place(session, project, environment)
    smtp = SmtpIn(
        host=server.host,
        port=server.port or PORTS[server.tls],
        tls=Tls(server.tls),
        user=server.user,
        password=hidden(f"Password of {server.user}: ") if server.user else None,
        sender=server.sender,
    )
    creation = ChannelCreation(
        name=name,
        type="email",
        smtp=smtp,
        recipients=tuple(recipients),
        project_id=place[0],
        environment_id=place[1],
    )
    return _added(session, creation, events)


def change(
    session: Session,
    wanted: str,
    rename: str | None,
    events: Sequence[str] | None,
    url: str | None,
    recipients: Sequence[str] | None,
) -> int:
    """Change what was given."""
    patch = ChannelPatch(
        name=rename or UNSET,
        events=tuple(events) if events else UNSET,
        url=_url(url) if url else UNSET,
        recipients=tuple(recipients) if recipients else UNSET,
    )
    return _changed(session, wanted, patch, "is changed")


def pause(session: Session, wanted: str, *, paused: bool) -> int:
    """Stop a channel, or let it go on."""
    return _changed(session, wanted, ChannelPatch(paused=paused), "is paused" if paused else "is active again")


def remove(session: Session, wanted: str) -> int:
    """Remove a channel."""
    found = _found(session, wanted)
    session.client.delete(session.path(CHANNELS, found.id))
    session.console.document({"removed": found.name, "id": found.id})
    session.console.say(f"{found.name} is removed.")
    return Exit.OK


def test(session: Session, wanted: str) -> int:
    """Send a test message."""
    found = _found(session, wanted)
    with session.console.waiting(f"{found.name} is tried"):
        outcome = session.client.post(session.path(CHANNELS, found.id, "test"), None, TestOut)
    session.console.document(outcome)
    session.console.say(f"{'It got through' if outcome.delivered else 'It failed'}: {outcome.answer}")
    return Exit.OK if outcome.delivered else Exit.FAILED


def rotate(session: Session, wanted: str) -> int:
    """Another signing secret."""
    found = _found(session, wanted)
    rotated = session.client.post(session.path(CHANNELS, found.id, "rotate-secret"), None, NewSigningSecret)
    session.console.document(rotated)
    session.console.say(f"Signing secret: {rotated.signing_secret}")
    session.console.note(f"It is shown this once. Until {rotated.former_until} messages are signed by both.")
    return Exit.OK


def deliveries(session: Session, wanted: str, status: str | None, number: int) -> int:
    """What was sent, or is to be."""
    found = _found(session, wanted)
    rows = session.listed(DeliveryOut, CHANNELS, found.id, "deliveries", most=number, status=status)
    session.console.document(rows)
    session.console.table(
        ("ID", "EVENT", "POSITION", "STATUS", "ATTEMPTS", "MADE", "LAST ANSWER"),
        [
            (
                one.id,
                one.event_type,
                str(one.position),
                one.status,
                str(one.attempts),
                age(one.created_at),
                (one.last_answer or "")[:60],
            )
            for one in rows
        ],
        empty="Nothing was sent yet. `shipbook notifications test` tries it.",
    )
    return Exit.OK


def delivery(session: Session, wanted: str, identity: str) -> int:
    """One delivery with its attempts."""
    found = session.get(DeliveryDetail, CHANNELS, _found(session, wanted).id, "deliveries", identity)
    session.console.document(found)
    session.console.say(f"{found.event_type} at position {found.position}: {found.status}")
    session.console.table(
        ("AT", "CODE", "TOOK", "ANSWER"),
        [
            (one.at.isoformat(timespec="seconds"), str(one.code or ""), f"{one.duration_ms} ms", one.answer[:200])
            for one in found.tried
        ],
        empty="It was not tried yet.",
    )
    return Exit.OK


def redeliver(session: Session, wanted: str, identity: str) -> int:
    """Send a delivery again."""
    path = session.path(CHANNELS, _found(session, wanted).id, "deliveries", identity, "redeliver")
    sent = session.client.post(path, None, DeliveryDetail)
    session.console.document(sent)
    session.console.say(f"{sent.event_type} is sent again, as {sent.id}.")
    return Exit.OK


def replay(session: Session, wanted: str, from_position: int, to_position: int | None) -> int:
    """Tell again of what happened."""
    found = _found(session, wanted)
    body = ReplayIn(from_position=from_position, to_position=to_position)
    session.console.document(session.client.post(session.path(CHANNELS, found.id, "replay"), body, ChannelOut))
    session.console.say(
        f"{found.name} is told again. `shipbook notifications deliveries {found.name}` shows how it goes."
    )
    return Exit.OK


def _added(session: Session, creation: ChannelCreation, events: Sequence[str] | None) -> int:
    if events:
        creation = msgspec.structs.replace(creation, events=tuple(events))
    added = session.client.post(session.path(CHANNELS), creation, NewChannel)
    session.console.document(added)
    session.console.say(f"{added.name} is told of {', '.join(added.events)}.")
    if added.signing_secret:
        session.console.say(f"Signing secret: {added.signing_secret}")
        session.console.note("It is shown this once; receivers verify messages with it.")
    return Exit.OK


def _changed(session: Session, wanted: str, patch: ChannelPatch, what: str) -> int:
    path = session.path(CHANNELS, _found(session, wanted).id)
    changed = session.client.patch(path, patch, ChannelOut)
    session.console.document(changed)
    session.console.say(f"{changed.name} {what}.")
    return Exit.OK


def _found(session: Session, wanted: str) -> ChannelOut:
    return finding.chosen(wanted, session.listed(ChannelOut, CHANNELS), lambda one: (one.name, one.id), "channel")


def _url(given: str) -> str:
    return hidden("URL: ").strip() if given == "-" else given


def _place(channel: ChannelOut) -> str:
    if channel.smtp is None:
        return channel.url or ""
    return f"{', '.join(channel.recipients)} by {channel.smtp.host}"


def _subscribed_place(
    session: Session, project: str | None, environment: str | None
) -> tuple[ProjectId | None, EnvironmentId | None]:
    if project is None and environment is None:
        return None, None
    found = finding.project(session, project)
    return found.id, finding.environment(found, environment).id if environment else None
