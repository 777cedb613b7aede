"""What is said of an event: nothing that is private, and not too much."""

import re
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from adapters.notifications.payload import LARGEST, PRIVATE, encoded, message, public
from adapters.notifications.sending import letter
from commands.notification import DECIDER, AddChannel
from domain.catalogue import FACTS
from domain.identifiers import ChannelId, DeliveryId, TenantId
from domain.notification import EmailTarget, Subscription, Tls
from domain.rejection import Invalid
from domain.repository import RepositoryConnected
from domain.secret import SecretScope, SecretSet
from domain.workspace import WorkspaceCreated
from tests.machines.facts import any_of
from tests.projections.given import recorded

SUSPECT = re.compile(r"digest|password|secret|token|key|credential|fingerprint|verifier", re.IGNORECASE)
REVIEWED = {
    "fencing_token",
    "token_id",
    "secret_id",
    "secrets",
    "credential_version",
    "former_until",
    "keyring_id",
}
"""Names that sound like a secret, of what is none: a count, an id, names with versions."""


def test_what_sounds_like_a_secret_is_private_or_was_looked_at() -> None:
    names = {(tag, field.name) for tag, fact in FACTS.items() for field in fields(fact)}
    told = {(tag, name) for tag, name in names if SUSPECT.search(name) and not PRIVATE.search(name)}
    assert {(tag, name) for tag, name in told if name not in REVIEWED} == set()


@settings(max_examples=60, deadline=None)
@given(st.one_of([any_of(fact) for fact in FACTS.values()]))
def test_every_fact_can_be_told(fact: Any) -> None:
    said = message(recorded(fact), DeliveryId("d"), TenantId("t"))
    told = msgspec.json.decode(encoded(said))
    assert {"id", "type", "at", "position", "tenantId", "subject", "message", "actor", "data"} <= set(told)
    assert "address" not in told["actor"]


def test_fingerprints_and_passwords_in_addresses_are_left_out() -> None:
    secret = SecretSet(secret_id="s", name="KEY", scope=SecretScope.WORKSPACE, fingerprint="f1n6e2")  # type: ignore[arg-type]
    connected = RepositoryConnected(connection_id="c", name="shop", url="https://git:hush@example.com/shop?k=hush")  # type: ignore[arg-type]
    assert "fingerprint" not in public(secret)
    assert public(secret)["secretId"] == "s"
    assert public(connected)["url"] == "https://example.com/shop"


@settings(max_examples=60, deadline=None)
@given(st.emails() | st.text(min_size=1, max_size=9).map(lambda name: f"{name}@x"), st.text(max_size=300))
def test_every_address_that_is_taken_and_every_sentence_make_a_letter(address: str, sentence: str) -> None:
    target = EmailTarget(host="mail", port=25, tls=Tls.NONE, sender=address, recipients=(address,))
    add = AddChannel(channel_id=ChannelId("c"), name="ops", target=target, subscription=Subscription(events=("*",)))
    try:
        DECIDER.decide(add, DECIDER.initial)
    except Invalid:
        return
    said = message(recorded(WorkspaceCreated(tenant_id=TenantId("t"), name=sentence)), DeliveryId("d"), TenantId("t"))
    assert letter(target, said, sentence).as_bytes()


def test_the_data_of_a_message_that_is_too_large_is_left_out() -> None:
    connected = RepositoryConnected(connection_id="c", name="x" * LARGEST, url="https://example.com")  # type: ignore[arg-type]
    body = encoded(message(recorded(connected), DeliveryId("d"), TenantId("t")))
    assert len(body) < LARGEST
    told = msgspec.json.decode(body)
    assert (told["data"], told["dataOmitted"]) == ({}, True)
