"""What is said of an event: to programs as JSON, to people as a line. Always the same for the same fact."""

import re
from datetime import datetime
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from domain.catalogue import AnyFact
from domain.fact import tag_of
from domain.history import Actor, Recorded
from domain.identifiers import AccountId, ApiTokenId, DeliveryId, StreamName, TenantId
from projections.phrases import shown_url
from projections.sentences import sentence

LARGEST = 256 * 1024
"""Bytes of a message; the data of a larger one is left out."""

PRIVATE = re.compile(r"digest|fingerprint|password|credential|secret_version")
"""Fields that are nobody's business outside: what tokens and secrets are recognised by."""


class ActorOut(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who did it."""

    kind: str
    name: str
    account_id: AccountId | None
    token_id: ApiTokenId | None


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event as a channel is told of it. ``id`` is the delivery's: equal each time the same one is sent.

    ``data`` is the fact without what is private; it is left out, and ``dataOmitted`` true, where it is too large.
    """

    id: DeliveryId
    type: str
    at: datetime
    position: int
    tenant_id: TenantId
    subject: StreamName
    message: str
    actor: ActorOut
    data: dict[str, Any]
    data_omitted: bool | UnsetType = UNSET


def message(recorded: Recorded, delivery: DeliveryId, tenant: TenantId) -> Message:
    """What is said of a fact."""
    context = recorded.context
    return Message(
        id=delivery,
        type=tag_of(recorded.fact),
        at=context.at,
        position=recorded.position,
        tenant_id=tenant,
        subject=recorded.stream,
        message=sentence(cast("AnyFact", recorded.fact), context.actor.name),
        actor=actor(context.actor),
        data=public(recorded.fact),
    )


def encoded(said: Message) -> bytes:
    """The message as it is sent to programs."""
    body = msgspec.json.encode(said)
    if len(body) <= LARGEST:
        return body
    return msgspec.json.encode(msgspec.structs.replace(said, data={}, data_omitted=True))


def public(value: Any) -> Any:
    """A fact, or a part of one, as everybody outside may see it: under the wire's names, without what is private."""
    match value:
        case msgspec.Struct():
            fields = msgspec.structs.asdict(value)
            return {_camel(name): _field(name, each) for name, each in fields.items() if not PRIVATE.search(name)}
        case dict():
            return {key: public(each) for key, each in value.items()}
        case tuple() | list() | frozenset() | set():
            return [public(each) for each in value]
        case _:
            return value


def _field(name: str, value: Any) -> Any:
    return shown_url(value) if isinstance(value, str) and name.endswith("url") else public(value)


def actor(actor: Actor) -> ActorOut:
    """Who did it, without where from."""
    return ActorOut(kind=actor.kind, name=actor.name, account_id=actor.account_id, token_id=actor.token_id)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
