"""What PostgreSQL keeps of a password, made here: so no password is ever sent to a server, or written to its log.

RFC 5803 has the form, RFC 5802, section 3, the computation.
"""

import hmac
from base64 import b64encode
from hashlib import pbkdf2_hmac, sha256
from secrets import token_bytes

from commands.ports import SecretValue

ITERATIONS = 4096
"""As PostgreSQL's ``scram_iterations``; the passwords are random, so more would protect nothing."""


def verifier(password: SecretValue) -> str:
    """For ``PASSWORD '…'``. It holds neither quotes nor backslashes, and opens nothing."""
    salt = token_bytes(16)
    salted = pbkdf2_hmac("sha256", password.reveal.encode(), salt, ITERATIONS)
    stored = sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = (b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(ITERATIONS, *shown)
