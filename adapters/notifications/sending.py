"""Sending one message to one channel, whatever kind it is, and what came of it."""

from email.message import EmailMessage
from email.utils import format_datetime

import msgspec

from adapters.network import AddressRefused
from adapters.notifications import http, mail, payload, signing
from adapters.notifications.deliveries import in_a_line
from adapters.notifications.http import NoAnswer
from adapters.notifications.payload import Message
from commands.ports import Clock, SecretValue, Vault
from commands.subscribing import signing as signing_secrets
from domain.fact import Value
from domain.history import Context
from domain.identifiers import ChannelId, DeliveryId, TenantId, derived, stream
from domain.notification import Channel, EmailTarget, SlackTarget, WebhookTarget
from domain.rejection import NotFound

GONE = 410
"""The receiver wants nothing any more (Standard Webhooks, "Deliverability and reliability")."""
SLACK_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Verdict(Value):
    """What came of an attempt: a code of HTTP or SMTP where there was one, and what was said, in a line.

    ``hopeless``: the same message will never get through; ``unwanted``: no message will. ``retry_after`` is in seconds.
    """

    delivered: bool
    answer: str
    code: int | None = None
    hopeless: bool = False
    unwanted: bool = False
    retry_after: float | None = None

    @property
    def line(self) -> str:
        """Code and answer in a line."""
        return in_a_line(self.code, self.answer)


class Sender:
    """Sends messages. ``allow_private``: also to receivers in private networks."""

    def __init__(self, vault: Vault, clock: Clock, *, allow_private: bool) -> None:
        self._vault = vault
        self._clock = clock
        self._allow_private = allow_private

    async def send(
        self, tenant: TenantId, channel_id: ChannelId, channel: Channel, said: Message, about: str = ""
    ) -> Verdict:
        """Try once; ``about`` tells people which thing it is. Raises ``Unavailable``."""
        try:
            match channel.target:
                case EmailTarget() as target:
                    password = await self._credential(tenant, channel_id, channel) if target.user else None
                    return await self._mail(target, password, said, about)
                case SlackTarget():
                    url = await self._credential(tenant, channel_id, channel)
                    return await self._post(url, msgspec.json.encode({"text": slack_text(said, about)}), {})
                case WebhookTarget():
                    return await self._webhook(tenant, channel_id, channel, said)
                case None:
                    return Verdict(delivered=False, answer="The channel leads nowhere.", hopeless=True)
        except NotFound:
            return Verdict(delivered=False, answer="The channel's secret was destroyed.", hopeless=True)
        except (NoAnswer, AddressRefused) as problem:
            return Verdict(delivered=False, answer=str(problem))

    async def _credential(self, tenant: TenantId, channel_id: ChannelId, channel: Channel) -> SecretValue:
        return await self._vault.open(tenant, channel_id, channel.credential_version)

    async def _webhook(self, tenant: TenantId, channel_id: ChannelId, channel: Channel, said: Message) -> Verdict:
        url, body, now = await self._credential(tenant, channel_id, channel), payload.encoded(said), self._clock.now()
        versions = [channel.signing_version]
        if channel.former_until and now < channel.former_until:
            versions.append(channel.signing_version - 1)
        name = signing_secrets(channel_id)
        secrets = [await self._vault.open(tenant, name, version) for version in versions]
        return await self._post(url, body, signing.signed(said.id, now, body, secrets))

    async def _post(self, url: SecretValue, body: bytes, headers: dict[str, str]) -> Verdict:
        answer = await http.post(url.reveal, body, headers, allow_private=self._allow_private)
        redirected = 300 <= answer.status < 400
        return Verdict(
            delivered=200 <= answer.status < 300,
            code=answer.status,
            answer="It redirects, which is not followed. Give its final address." if redirected else answer.excerpt,
            unwanted=answer.status == GONE,
            retry_after=answer.retry_after,
        )

    async def _mail(self, target: EmailTarget, password: SecretValue | None, said: Message, about: str) -> Verdict:
        reply = await mail.send(target, password, letter(target, said, about), allow_private=self._allow_private)
        return Verdict(delivered=reply.accepted, code=reply.code, answer=reply.text, hopeless=reply.permanent)


def test_message(channel_id: ChannelId, context: Context) -> Message:
    """What a channel is told when somebody tries it: of no event, at position 0."""
    return Message(
        id=DeliveryId(derived(context.causation_id, "test")),
        type="channel.test",
        at=context.at,
        position=0,
        tenant_id=context.tenant_id,
        subject=stream("channel", channel_id),
        message=f"{context.actor.name} tests this channel. It works.",
        actor=payload.actor(context.actor),
        data={},
    )


def slack_text(said: Message, about: str) -> str:
    """The message in Slack's markup, with what is special there escaped."""
    head = " · ".join(part for part in (said.type, about) if part).translate(SLACK_ESCAPES)
    return f"*{head}*\n{said.message.translate(SLACK_ESCAPES)}"


def letter(target: EmailTarget, said: Message, about: str) -> EmailMessage:
    """The message as a mail. Its ``Message-ID`` is the delivery's, so that a reader shows a doubled one once."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(f"[Shipbook] {about + ': ' if about else ''}{said.message}".split())[:200]
    mail["From"] = target.sender
    mail["To"] = ", ".join(target.recipients)
    mail["Date"] = format_datetime(said.at)
    mail["Message-ID"] = f"<{said.id}@{target.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers to it
    lines = [said.message, "", f"Event: {said.type}, position {said.position}"]
    lines += [f"About: {about}"] if about else []
    lines += [f"By: {said.actor.name}", f"At: {said.at:%Y-%m-%d %H:%M:%S %Z}"]
    mail.set_content("\n".join(lines) + "\n")
    return mail
