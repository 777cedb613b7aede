"""The secrets that callers show: personal access tokens and sessions.

A token is ``shpat_``, 22 characters of its id, 43 of a secret, and 6 of a CRC-32 over all that stands before, in
base 62: a typo is refused without a look-up, and scanners can tell a token from a coincidence. What is kept of either
secret is a SHA-256 digest, which suffices because both hold 256 random bits.
"""

import re
from hashlib import sha256
from secrets import token_bytes
from string import ascii_lowercase, ascii_uppercase, digits
from uuid import UUID
from zlib import crc32

from commands.ports import SecretValue
from domain.identifiers import ApiTokenId

PREFIX = "shpat_"
INVITATION = "shinv_"
DIGITS = digits + ascii_uppercase + ascii_lowercase
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 22, 43, 6
"""Base-62 digits of 128, 256 and 32 bits."""

FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)
SESSION_FORM = re.compile(rf"[0-9A-Za-z]{{{SECRET_LENGTH}}}", re.ASCII)


def new_token(token_id: ApiTokenId) -> SecretValue:
    """A token with a fresh secret."""
    return token_of(token_id, token_bytes(32))


def token_of(token_id: ApiTokenId, secret: bytes) -> SecretValue:
    """The token with these 256 bits as its secret."""
    body = PREFIX + _base62(UUID(token_id).int, ID_LENGTH) + _base62(int.from_bytes(secret, "big"), SECRET_LENGTH)
    return SecretValue(body + _checksum(body))


def new_session() -> SecretValue:
    """What a session's cookie holds."""
    return SecretValue(_base62(int.from_bytes(token_bytes(32), "big"), SECRET_LENGTH))


def new_invitation() -> SecretValue:
    """What somebody is invited with."""
    return SecretValue(INVITATION + new_session().reveal)


def is_invitation(secret: SecretValue) -> bool:
    """Whether it can be an invitation's token."""
    return secret.reveal.startswith(INVITATION) and is_session(secret.reveal.removeprefix(INVITATION))


def is_token(text: str) -> bool:
    """Whether ``text`` can be a token: its form and its checksum are right."""
    return bool(FORM.fullmatch(text)) and _checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def is_session(text: str) -> bool:
    """Whether ``text`` can be a session's cookie."""
    return bool(SESSION_FORM.fullmatch(text))


def digest(secret: SecretValue) -> str:
    """What is kept of a token or a session: the SHA-256 of its text, in hex."""
    return sha256(secret.reveal.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    text = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text
