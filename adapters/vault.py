"""Sealed secret values: AES-256-GCM under a key for each scope, which a master key wraps.

The master key never enters the database, and a scope's key never leaves it unwrapped. Destroying a scope's key forgets
its values, in every backup too, and leaves history intact.
"""

import hmac
import os
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_hex

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.database import Database
from commands.ports import Sealed, SecretValue
from domain.rejection import NotFound

KEY_BYTES = 32
NONCE_BYTES = 12
"""As NIST SP 800-38D, section 8.2.2 has it for random nonces."""
FINGERPRINT_DIGITS = 16

_PROOF_SCOPE = ""
"""The scope of a key that seals nothing: that it unwraps proves the master key."""


class MasterKeyError(Exception):
    """The master key is missing, malformed, open to others, or not the one that the database's keys were wrapped by."""


def master_key(path: Path) -> bytes:
    """The 32 bytes of the master key; made once, atomically, for the owner's eyes only. Raises ``MasterKeyError``.

    Any number of processes may ask at once; all get the same key.
    """
    if not path.exists():
        _make_key(path)
    if path.stat().st_mode & 0o007:
        raise MasterKeyError(f"Everybody may read {path}. Run: chmod 600 '{path}'")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise MasterKeyError(f"{path} has {len(key)} bytes instead of {KEY_BYTES}. Put the right file back.")
    return key


def _make_key(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)  # unlike a rename, it leaves a key alone that somebody else made meanwhile
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _sync(path.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class SealedVault:
    """The port ``commands.ports.Vault`` on Postgres. Every method raises ``Unavailable`` and ``MasterKeyError``."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._master = AESGCM(key)

    async def prove(self) -> None:
        """Nothing, if the master key is the right one for this database."""
        await self._key(_PROOF_SCOPE)

    async def seal(self, scope: str, secret_id: str, version: int, value: SecretValue) -> Sealed:
        """The value, sealed under the scope's key, which is made on first use."""
        nonce = token_bytes(NONCE_BYTES)
        data = _bound_to(scope, secret_id, version)
        ciphertext = AESGCM(await self._key(scope)).encrypt(nonce, value.reveal.encode(), data)
        return Sealed(scope=scope, secret_id=secret_id, version=version, nonce=nonce, ciphertext=ciphertext)

    async def open(self, scope: str, secret_id: str, version: int) -> SecretValue:
        """The value of this very version; ``NotFound`` where it was forgotten or never sealed."""
        rows = await self._database.fetch(
            "SELECT wrapped, nonce, ciphertext FROM vault.secrets JOIN vault.keys USING (scope)"
            " WHERE scope = %s AND secret_id = %s AND version = %s",
            [scope, secret_id, version],
        )
        if not rows:
            raise _forgotten()
        wrapped, nonce, ciphertext = rows[0]
        key = self._unwrapped(scope, wrapped)
        try:
            return SecretValue(AESGCM(key).decrypt(nonce, ciphertext, _bound_to(scope, secret_id, version)).decode())
        except InvalidTag:  # sealed under a key that was destroyed, or altered: nobody can open it any more
            raise _forgotten() from None

    async def fingerprint(self, scope: str, value: SecretValue) -> str:
        """16 hexadecimal digits of an HMAC under the scope's key: equal for equal values, and not to be guessed."""
        key = hmac.digest(await self._key(scope), b"fingerprint", "sha256")
        return hmac.new(key, value.reveal.encode(), sha256).hexdigest()[:FINGERPRINT_DIGITS]

    async def forget(self, scope: str) -> None:
        """Destroy the scope's key, and with it every value that was sealed under it."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("DELETE FROM vault.keys WHERE scope = %s", [scope])
            await connection.execute("DELETE FROM vault.secrets WHERE scope = %s", [scope])

    async def _key(self, scope: str) -> bytes:
        """The scope's key. Whoever comes first makes it; everybody reads back the one that stayed."""
        query = "SELECT wrapped FROM vault.keys WHERE scope = %s"
        rows = await self._database.fetch(query, [scope])
        if not rows:
            async with self._database.connection() as connection:
                await connection.execute(
                    "INSERT INTO vault.keys (scope, wrapped) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    [scope, self._wrapped(scope, token_bytes(KEY_BYTES))],
                )
            rows = await self._database.fetch(query, [scope])
        return self._unwrapped(scope, rows[0][0])

    def _wrapped(self, scope: str, key: bytes) -> bytes:
        nonce = token_bytes(NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, key, scope.encode())

    def _unwrapped(self, scope: str, wrapped: bytes) -> bytes:
        try:
            return self._master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], scope.encode())
        except InvalidTag:
            raise MasterKeyError(
                "The master key is not the one that this database's secrets were sealed under. "
                "Put the master.key of this database back, or use the database that belongs to this key."
            ) from None


def _bound_to(scope: str, secret_id: str, version: int) -> bytes:
    """The associated data: a sealed value opens in its own place only."""
    return msgspec.json.encode([scope, secret_id, version])


def _forgotten() -> NotFound:
    return NotFound("The secret's value was forgotten, or this version of it was never set.")
