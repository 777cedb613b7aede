"""Signatures by Standard Webhooks (its specification, "Signature scheme"): symmetric, version 1."""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from secrets import token_bytes

from commands.ports import SecretValue

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification has 24 to 64."""


def new_secret() -> SecretValue:
    """A secret that nobody else has."""
    return SecretValue(PREFIX + base64.b64encode(token_bytes(SECRET_BYTES)).decode())


def signed(identity: str, at: datetime, body: bytes, secrets: Sequence[SecretValue]) -> dict[str, str]:
    """The headers of a message: one signature by each of the secrets, of which the receiver needs to know one."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((identity.encode(), timestamp.encode(), body))
    return {
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, content)}" for secret in secrets),
    }


def _signature(secret: SecretValue, content: bytes) -> str:
    key = base64.b64decode(secret.reveal.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, content, "sha256")).decode()
