"""Sealed secret values: AES-256-GCM under a key for each scope, which a master key wraps.

The master key never enters the database, and a scope's key never leaves it unwrapped. Destroying a scope's keys forgets
its values and leaves history intact. A scope may have several generations of keys: a value is sealed under the newest,
and says which one opens it (``adapters.rotation``).
"""

import hmac
from collections.abc import Collection
from hashlib import sha256
from secrets import token_bytes

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection

from adapters.database import Database
from adapters.master_keys import KEY_BYTES, NONCE_BYTES, MasterKeys
from commands.ports import Sealed, SecretValue
from domain.fact import Value
from domain.rejection import NotFound

FINGERPRINT_DIGITS = 16
FINGERPRINTS = 0
"""The generation of the key that fingerprints are made with. It stays, so that they can be compared."""
PROOF_SCOPE = ""
"""The scope of a key that seals nothing: that it unwraps proves the master key."""
WRAPPING = 0x5348_4950_4B45_5953
"""The advisory lock that who wraps shares, from the look at the master keys to the commit; a rotation of the master
key has it alone, so that nothing is wrapped under a key that it drops."""


class Key(Value):
    """A scope's key of one generation."""

    generation: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Key(generation={self.generation}, secret=[redacted])"


class SealedVault:
    """The port ``commands.ports.Vault`` on Postgres. Every method raises ``Unavailable`` and ``MasterKeyError``."""

    def __init__(self, database: Database, masters: MasterKeys) -> None:
        self._database = database
        self.masters = masters

    async def prove(self) -> None:
        """Nothing, if a master key is the right one for this database."""
        await self.newest(PROOF_SCOPE)

    async def seal(self, scope: str, secret_id: str, version: int, value: SecretValue) -> Sealed:
        """The value, sealed under the scope's newest key, which is made on first use."""
        key = await self.newest(scope)
        nonce, ciphertext = sealed_under(key, value.reveal.encode(), bound_to(scope, secret_id, version))
        return Sealed(
            scope=scope,
            secret_id=secret_id,
            version=version,
            generation=key.generation,
            nonce=nonce,
            ciphertext=ciphertext,
        )

    async def open(self, scope: str, secret_id: str, version: int) -> SecretValue:
        """The value of this very version; ``NotFound`` where it was forgotten or never sealed."""
        rows = await self._database.fetch(
            "SELECT generation, wrapped, nonce, ciphertext FROM vault.secrets JOIN vault.keys USING (scope, generation)"
            " WHERE scope = %s AND secret_id = %s AND version = %s AND wrapped IS NOT NULL",
            [scope, secret_id, version],
        )
        if not rows:
            raise _forgotten()
        generation, wrapped, nonce, ciphertext = rows[0]
        key = await self.masters.unwrap(wrapped, wrapped_for(scope, generation))
        try:
            return SecretValue(AESGCM(key).decrypt(nonce, ciphertext, bound_to(scope, secret_id, version)).decode())
        except InvalidTag:  # altered: nobody can open it any more
            raise _forgotten() from None

    async def openable(self, scope: str, versions: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Those of the versions, each with its secret's id, whose values were not forgotten; none is opened."""
        if not versions:
            return set()
        secret_ids, numbers = zip(*versions, strict=True)
        rows = await self._database.fetch(
            "SELECT secret_id, version FROM unnest(%s::text[], %s::int4[]) AS wanted (secret_id, version)"
            " JOIN vault.secrets USING (secret_id, version) JOIN vault.keys USING (scope, generation)"
            " WHERE scope = %s AND wrapped IS NOT NULL",
            [list(secret_ids), list(numbers), scope],
        )
        return {(secret_id, version) for secret_id, version in rows}

    async def fingerprint(self, scope: str, value: SecretValue) -> str:
        """16 hexadecimal digits of an HMAC under a key of the scope: equal for equal values, and not to be guessed."""
        key = await self.fingerprint_key(scope)
        return hmac.new(key, value.reveal.encode(), sha256).hexdigest()[:FINGERPRINT_DIGITS]

    async def forget(self, scope: str, position: int) -> None:
        """Destroy the scope's keys and every value that was sealed under them, because of the fact at ``position``.

        Again for the same fact, or an earlier one, does nothing: what was sealed since then stays.
        """
        async with self._database.connection() as connection, connection.transaction():
            first = await connection.execute(
                "INSERT INTO vault.forgotten (scope, position) VALUES (%s, %s) ON CONFLICT (scope) DO UPDATE"
                " SET position = excluded.position WHERE forgotten.position < excluded.position",
                [scope, position],
            )
            if first.rowcount:
                await connection.execute("UPDATE vault.keys SET wrapped = NULL WHERE scope = %s", [scope])
                await connection.execute("DELETE FROM vault.secrets WHERE scope = %s", [scope])

    async def delete(self, scope: str, secret_id: str, versions: Collection[int]) -> None:
        """Delete these versions' values."""
        await self._database.fetch(
            "DELETE FROM vault.secrets WHERE scope = %s AND secret_id = %s AND version = ANY(%s::int4[])"
            " RETURNING version",
            [scope, secret_id, list(versions)],
        )

    async def newest(self, scope: str) -> Key:
        """The key that values are sealed under. Whoever comes first makes it; everybody reads the one that stayed."""
        while True:
            rows = await self._database.fetch(
                "SELECT generation, wrapped FROM vault.keys WHERE scope = %s AND generation > 0"
                " ORDER BY generation DESC LIMIT 1",
                [scope],
            )
            generation, wrapped = rows[0] if rows else (FINGERPRINTS, None)
            if wrapped is not None:
                secret = await self.masters.unwrap(wrapped, wrapped_for(scope, generation))
                return Key(generation=generation, secret=secret)
            await self.add_key(scope, generation + 1)

    async def fingerprint_key(self, scope: str) -> bytes:
        """The key that fingerprints are made with. The first is derived from the scope's oldest key, as they all were
        before it had a key of its own."""
        while True:
            rows = await self._database.fetch(
                "SELECT generation, wrapped FROM vault.keys WHERE scope = %s AND wrapped IS NOT NULL"
                " ORDER BY generation LIMIT 1",
                [scope],
            )
            if not rows:
                await self.newest(scope)
                continue
            generation, wrapped = rows[0]
            secret = await self.masters.unwrap(wrapped, wrapped_for(scope, generation))
            if generation == FINGERPRINTS:
                return secret
            await self.add_key(scope, FINGERPRINTS, hmac.digest(secret, b"fingerprint", "sha256"))

    async def add_key(self, scope: str, generation: int, secret: bytes | None = None, *, settled: bool = True) -> None:
        """Keep another key of the scope, unless it has one of this generation."""
        async with self._database.connection() as connection, connection.transaction():
            await share_wrapping(connection)
            wrapped = await self.masters.wrap(secret or token_bytes(KEY_BYTES), wrapped_for(scope, generation))
            await connection.execute(
                "INSERT INTO vault.keys (scope, generation, wrapped, settled_at)"
                " VALUES (%s, %s, %s, CASE WHEN %s THEN now() END)"
                " ON CONFLICT (scope, generation) DO UPDATE SET wrapped = excluded.wrapped, made_at = now()"
                " WHERE keys.wrapped IS NULL AND keys.generation = %s",
                [scope, generation, wrapped, settled, FINGERPRINTS],
            )


async def share_wrapping(connection: AsyncConnection) -> None:
    """Hold ``WRAPPING`` until the transaction ends; while a rotation has it alone, wait for some seconds."""
    await connection.execute("SET LOCAL lock_timeout TO '10s'")
    await connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", [WRAPPING])


def sealed_under(key: Key, value: bytes, bound_to: bytes) -> tuple[bytes, bytes]:
    """A nonce and the ciphertext."""
    nonce = token_bytes(NONCE_BYTES)
    return nonce, AESGCM(key.secret).encrypt(nonce, value, bound_to)


def bound_to(scope: str, secret_id: str, version: int) -> bytes:
    """The associated data of a value: it opens in its own place only, whichever generation of keys sealed it."""
    return msgspec.json.encode([scope, secret_id, version])


def wrapped_for(scope: str, generation: int) -> bytes:
    """The associated data of a wrapped key: it unwraps in its own place only."""
    return scope.encode() if generation == 1 else msgspec.json.encode([scope, generation])


def _forgotten() -> NotFound:
    return NotFound("The secret's value was forgotten, or this version of it was never set.")
