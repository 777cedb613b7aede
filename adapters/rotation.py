"""Exchanging the vault's keys while everybody goes on reading and writing. Each step may be killed and done again.

A rotation of the master key is one transaction that has ``WRAPPING`` alone. A rotation of a scope's key adds a
generation, and seals values again in batches; a value is exchanged only if it is still the one that was read, so
several processes may do it at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection

from adapters.database import Database
from adapters.master_keys import KEY_BYTES, KeyFile, KeySource, MasterKeyError, unwrapped_by, wrapped_under
from adapters.vault import PROOF_SCOPE, WRAPPING, Key, SealedVault, bound_to, sealed_under, wrapped_for
from domain.fact import Value

BATCH = 100
"""So many values of at most 64 KiB are sealed again at a time."""
GRACE = timedelta(hours=1)
"""So long a key is kept after a newer one was settled: nobody holds a value that is on its way for longer."""


class Rewrapped(Value):
    """A rotation of the master key: ``wrapped`` keys, and how many older master keys were ``dropped`` and are left."""

    made: bool
    wrapped: int
    dropped: int
    older: int


class Generation(Value):
    """A generation of a scope's keys that values are to be sealed under again."""

    scope: str
    number: int
    made_at: datetime


class Standing(Value):
    """A scope's key of one generation, and how many values are sealed under it. 0 is the fingerprints' key."""

    scope: str
    generation: int
    made_at: datetime
    settled: bool
    destroyed: bool
    values: int


class Rotation:
    """Works on one vault's keys. Every method raises ``Unavailable`` and ``MasterKeyError``."""

    def __init__(self, database: Database, vault: SealedVault) -> None:
        self._database = database
        self._vault = vault

    async def rotate_master(self, tell: Callable[[Rewrapped], Awaitable[object]]) -> Rewrapped:
        """Wrap every key under the newest master key, which is made anew where the source is a file of ours.

        Of the older master keys only those stay that something was wrapped under until now. ``tell`` is called before
        it is done; where that fails or we are killed, another master key is in the file, and nothing is lost.
        """
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL lock_timeout TO '30s'")
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [WRAPPING])
            found = await _wrapped_keys(connection)
            masters = await asyncio.to_thread(self._vault.masters.source.read)
            opened, used = _opened(masters, found, self._vault.masters.source)
            kept = await asyncio.to_thread(_renewed, self._vault.masters.source, masters, used)
            newest = AESGCM(kept[0])
            await connection.execute(
                "UPDATE vault.keys SET wrapped = given.wrapped"
                " FROM unnest(%s::text[], %s::int4[], %s::bytea[]) AS given (scope, generation, wrapped)"
                " WHERE keys.scope = given.scope AND keys.generation = given.generation",
                [
                    [scope for scope, _, _ in found],
                    [generation for _, generation, _ in found],
                    [
                        wrapped_under(newest, key, wrapped_for(scope, generation))
                        for (scope, generation, _), key in zip(found, opened, strict=True)
                    ],
                ],
            )
            made = kept[0] != masters[0]
            done = Rewrapped(
                made=made, wrapped=len(found), dropped=len(masters) + made - len(kept), older=len(kept) - 1
            )
            await tell(done)
        await self._vault.masters.read()
        return done

    async def begin(self, scope: str) -> Generation:
        """Another generation of the scope's keys; the newest one, where that is not settled yet."""
        await self._vault.fingerprint_key(scope)
        newest = (await self._vault.newest(scope)).generation
        if await self._unsettled(scope, newest) is None:
            newest += 1
            await self._vault.add_key(scope, newest, settled=False)
        begun = await self._unsettled(scope, newest)
        return begun or await self.begin(scope)  # else somebody has settled it meanwhile

    async def _unsettled(self, scope: str, number: int) -> Generation | None:
        rows = await self._database.fetch(
            "SELECT made_at FROM vault.keys WHERE scope = %s AND generation = %s AND settled_at IS NULL",
            [scope, number],
        )
        return Generation(scope=scope, number=number, made_at=rows[0][0]) if rows else None

    async def unsettled(self) -> list[Generation]:
        """The generations that somebody began with and did not settle."""
        rows = await self._database.fetch(
            "SELECT scope, generation, made_at FROM vault.keys WHERE settled_at IS NULL AND wrapped IS NOT NULL"
        )
        return [Generation(scope=scope, number=number, made_at=made_at) for scope, number, made_at in rows]

    async def seal_again(self, scope: str) -> int:
        """Seal every value of the scope under its newest key; how many were. What nobody can open stays as it is."""
        newest = await self._vault.newest(scope)
        sealed, place = 0, ("", 0)
        while rows := await self._database.fetch(
            "SELECT secret_id, version, generation, wrapped, nonce, ciphertext"
            " FROM vault.secrets JOIN vault.keys USING (scope, generation)"
            " WHERE scope = %s AND generation < %s AND wrapped IS NOT NULL AND (secret_id, version) > (%s, %s)"
            " ORDER BY secret_id, version LIMIT %s",
            [scope, newest.generation, *place, BATCH],
        ):
            sealed += await self._exchange(newest, scope, rows)
            place = rows[-1][0], rows[-1][1]
        return sealed

    async def _exchange(
        self, newest: Key, scope: str, rows: Sequence[tuple[str, int, int, bytes, bytes, bytes]]
    ) -> int:
        exchanged = []
        for secret_id, version, generation, wrapped, nonce, ciphertext in rows:
            key = await self._vault.masters.unwrap(wrapped, wrapped_for(scope, generation))
            place = bound_to(scope, secret_id, version)
            try:
                value = AESGCM(key).decrypt(nonce, ciphertext, place)
            except InvalidTag:
                continue
            exchanged.append((secret_id, version, generation, *sealed_under(newest, value, place)))
        if not exchanged:
            return 0
        done = await self._database.fetch(
            "UPDATE vault.secrets SET generation = %s, nonce = given.nonce, ciphertext = given.ciphertext"
            " FROM unnest(%s::text[], %s::int4[], %s::int4[], %s::bytea[], %s::bytea[])"
            " AS given (secret_id, version, generation, nonce, ciphertext)"
            " WHERE secrets.scope = %s AND secrets.secret_id = given.secret_id AND secrets.version = given.version"
            " AND secrets.generation = given.generation RETURNING secrets.version",
            [newest.generation, *map(list, zip(*exchanged, strict=True)), scope],
        )
        return len(done)

    async def settle(self, generation: Generation) -> None:
        """Note that the values are sealed under the generation."""
        await self._database.fetch(
            "UPDATE vault.keys SET settled_at = now() WHERE scope = %s AND generation = %s AND settled_at IS NULL"
            " RETURNING generation",
            [generation.scope, generation.number],
        )

    async def scopes(self) -> list[str]:
        """Every scope that has keys, but that which proves the master key."""
        rows = await self._database.fetch(
            "SELECT DISTINCT scope FROM vault.keys WHERE scope <> %s AND wrapped IS NOT NULL ORDER BY scope",
            [PROOF_SCOPE],
        )
        return [scope for (scope,) in rows]

    async def left_behind(self) -> list[str]:
        """The scopes in which values came in under a key that has been replaced for longer than the grace."""
        rows = await self._database.fetch(
            "SELECT DISTINCT scope FROM vault.secrets JOIN vault.replaced USING (scope, generation)"
            " WHERE replaced.settled_at < now() - %s::interval",
            [GRACE],
        )
        return [scope for (scope,) in rows]

    async def tidy(self) -> int:
        """Delete what came in under destroyed keys, and drop the keys that nothing is sealed under any more and that
        have been replaced for longer than the grace; how many those are."""
        await self._database.fetch(
            "DELETE FROM vault.secrets USING vault.keys WHERE keys.scope = secrets.scope"
            " AND keys.generation = secrets.generation AND keys.wrapped IS NULL RETURNING secrets.version"
        )
        dropped = await self._database.fetch(
            "DELETE FROM vault.keys USING vault.replaced"
            " WHERE keys.scope = replaced.scope AND keys.generation = replaced.generation"
            " AND replaced.settled_at < now() - %s::interval AND NOT EXISTS"
            " (SELECT FROM vault.secrets WHERE secrets.scope = keys.scope AND secrets.generation = keys.generation)"
            " RETURNING keys.generation",
            [GRACE],
        )
        return len(dropped)

    async def standings(self) -> list[Standing]:
        """Every key, with how many values are sealed under it."""
        rows = await self._database.fetch(
            "SELECT scope, generation, made_at, settled_at IS NOT NULL, wrapped IS NULL, count(secret_id)"
            " FROM vault.keys LEFT JOIN vault.secrets USING (scope, generation) WHERE scope <> %s"
            " GROUP BY scope, generation ORDER BY scope, generation",
            [PROOF_SCOPE],
        )
        return [Standing(**dict(zip(Standing.__struct_fields__, row, strict=True))) for row in rows]

    async def masters(self) -> list[int]:
        """How many keys each master key wraps, the newest first."""
        async with self._database.connection() as connection:
            found = await _wrapped_keys(connection)
        masters = await self._vault.masters.read()
        return [
            sum(
                unwrapped_by(master, wrapped, wrapped_for(scope, generation)) is not None
                for scope, generation, wrapped in found
            )
            for master in map(AESGCM, masters)
        ]


Wrapped = Sequence[tuple[str, int, bytes]]
"""Scope, generation, and the key as it is wrapped."""


async def _wrapped_keys(connection: AsyncConnection) -> Wrapped:
    cursor = await connection.execute(
        "SELECT scope, generation, wrapped FROM vault.keys WHERE wrapped IS NOT NULL ORDER BY scope, generation"
        " FOR UPDATE",
        binary=True,
    )
    return await cursor.fetchall()


def _opened(masters: Sequence[bytes], found: Wrapped, source: KeySource) -> tuple[list[bytes], set[int]]:
    """The keys in the clear, and which of the master keys had wrapped some."""
    opened, used = [], set()
    ciphers = [AESGCM(master) for master in masters]
    for scope, generation, wrapped in found:
        for number, cipher in enumerate(ciphers):
            if (key := unwrapped_by(cipher, wrapped, wrapped_for(scope, generation))) is not None:
                opened.append(key)
                used.add(number)
                break
        else:
            raise MasterKeyError(
                f"No master key in {source} opens the keys of {scope or 'this database'}. Put the one back that does; "
                "nothing was changed."
            )
    return opened, used


def _renewed(source: KeySource, masters: Sequence[bytes], used: set[int]) -> Sequence[bytes]:
    """The master keys from now on; a file gets another one, and keeps those that were in use."""
    if not isinstance(source, KeyFile):
        return masters
    kept = [token_bytes(KEY_BYTES), *(key for number, key in enumerate(masters) if number in used)]
    source.write(kept)
    return kept
