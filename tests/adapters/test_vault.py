"""Secret values open in their own place, with the right keys, until they are forgotten; and show nowhere else."""

import asyncio
import hmac
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.master_keys import KeyFile, MasterKeyError, MasterKeys
from adapters.vault import SealedVault
from commands.ports import Sealed, SecretValue, VersionConflict
from domain.rejection import NotFound
from tests.adapters.appends import append, secret_set

pytestmark = pytest.mark.anyio

VALUE = SecretValue("correct horse battery staple ☂")
KEY = bytes(range(32))


FORMER_LAYOUT = """
CREATE SCHEMA vault;
CREATE TABLE vault.keys (scope text COLLATE "C" PRIMARY KEY, wrapped bytea NOT NULL);
CREATE TABLE vault.secrets (
    scope text COLLATE "C", secret_id text COLLATE "C", version integer,
    nonce bytea NOT NULL, ciphertext bytea NOT NULL,
    PRIMARY KEY (scope, secret_id, version)
);
"""


class Fixed:
    """A source of these keys."""

    def __init__(self, *keys: bytes) -> None:
        self.keys = keys

    def read(self) -> tuple[bytes, ...]:
        return self.keys


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


@pytest.fixture
def vault(database: Database) -> SealedVault:
    return SealedVault(database, MasterKeys(Fixed(KEY)))


async def store(database: Database, *sealed: Sealed) -> None:
    async with EventLog.open(database) as log:
        await log.append(append(f"secret-{sealed[0].secret_id}-{sealed[0].scope}", 0, sealed=sealed))


async def test_a_value_opens_again_once_its_append_was_recorded(database: Database, vault: SealedVault) -> None:
    sealed = await vault.seal("tenant", "s", 1, VALUE)
    with pytest.raises(NotFound):
        await vault.open("tenant", "s", 1)

    await store(database, sealed)

    assert await vault.open("tenant", "s", 1) == VALUE
    for elsewhere in [("another", "s", 1), ("tenant", "t", 1), ("tenant", "s", 2)]:
        with pytest.raises(NotFound):
            await vault.open(*elsewhere)


async def test_values_that_were_sealed_before_keys_had_generations_open_and_keep_their_fingerprints(
    database_url: str,
) -> None:
    place, nonce = ("tenant", "s", 1), bytes(12)
    key, data = bytes(range(32, 64)), b'["tenant","s",1]'
    wrapped = nonce + AESGCM(KEY).encrypt(nonce, key, b"tenant")
    with psycopg.connect(database_url) as connection:
        connection.execute(FORMER_LAYOUT)
        connection.execute("INSERT INTO vault.keys VALUES ('tenant', %s)", [wrapped])
        ciphertext = AESGCM(key).encrypt(nonce, VALUE.reveal.encode(), data)
        connection.execute("INSERT INTO vault.secrets VALUES (%s, %s, %s, %s, %s)", [*place, nonce, ciphertext])

    async with Database.open(database_url) as database:
        vault = SealedVault(database, MasterKeys(Fixed(KEY)))
        assert await vault.open(*place) == VALUE
        marked = hmac.new(hmac.digest(key, b"fingerprint", "sha256"), VALUE.reveal.encode(), "sha256").hexdigest()
        assert await vault.fingerprint("tenant", VALUE) == marked[:16]


async def test_a_value_whose_append_is_refused_is_not_kept(database: Database, vault: SealedVault) -> None:
    sealed = await vault.seal("tenant", "s", 1, VALUE)
    async with EventLog.open(database) as log:
        with pytest.raises(VersionConflict):
            await log.append(append("secret-1", 7, secret_set("KEY"), sealed=(sealed,)))

    with pytest.raises(NotFound):
        await vault.open("tenant", "s", 1)


@pytest.mark.parametrize("place", [("another", "s", 1), ("tenant", "t", 1), ("tenant", "s", 2)])
async def test_a_sealed_value_that_was_moved_does_not_open(
    database_url: str, database: Database, vault: SealedVault, place: tuple[str, str, int]
) -> None:
    await store(database, await vault.seal("tenant", "s", 1, VALUE))
    await vault.fingerprint("another", VALUE)  # that scope has a key
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE vault.secrets SET (scope, secret_id, version) = (%s, %s, %s)", place)

    with pytest.raises(NotFound):
        await vault.open(*place)


async def test_forgetting_a_scope_forgets_its_values_even_those_still_on_their_way(
    database: Database, vault: SealedVault
) -> None:
    await store(database, await vault.seal("tenant", "s", 1, VALUE))
    await store(database, await vault.seal("another", "s", 1, VALUE))
    late = await vault.seal("tenant", "t", 1, VALUE)

    await vault.forget("tenant", 7)
    await store(database, late)
    await store(database, await vault.seal("tenant", "u", 1, VALUE))

    for forgotten in ("s", "t"):
        with pytest.raises(NotFound):
            await vault.open("tenant", forgotten, 1)
    assert await vault.open("tenant", "u", 1) == VALUE
    assert await vault.open("another", "s", 1) == VALUE


async def test_many_that_need_a_scopes_first_key_get_the_same(database: Database, vault: SealedVault) -> None:
    vaults = [vault, SealedVault(database, MasterKeys(Fixed(KEY)))]

    sealed = await asyncio.gather(*(vaults[n % 2].seal("tenant", f"s{n}", 1, VALUE) for n in range(20)))

    await store(database, *sealed)
    opened = [await vault.open("tenant", f"s{n}", 1) for n in range(20)]
    assert opened == [VALUE] * 20


async def test_fingerprints_tell_values_apart_within_a_scope_only(vault: SealedVault) -> None:
    same, again = await vault.fingerprint("tenant", VALUE), await vault.fingerprint("tenant", VALUE)
    other = await vault.fingerprint("tenant", SecretValue("other"))
    elsewhere = await vault.fingerprint("another", VALUE)

    assert same == again
    assert len({same, other, elsewhere}) == 3
    assert len(same) == 16
    assert int(same, 16) >= 0


async def test_another_master_key_is_told_from_the_right_one_at_the_start(
    database: Database, vault: SealedVault
) -> None:
    await vault.prove()
    await vault.prove()

    with pytest.raises(MasterKeyError, match=r"Put the master\.key of this database back"):
        await SealedVault(database, MasterKeys(Fixed(bytes(32)))).prove()


async def test_the_database_holds_neither_values_nor_keys_in_the_clear(
    database_url: str, database: Database, vault: SealedVault
) -> None:
    await store(database, await vault.seal("tenant", "s", 1, VALUE))

    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT wrapped, secrets.* FROM vault.keys, vault.secrets").fetchall()
    assert VALUE.reveal.encode() not in b"".join(cell for row in tables for cell in row if isinstance(cell, bytes))
    assert {len(row[0]) for row in tables} == {12 + 32 + 16}  # nonce, key and tag


def test_the_master_key_is_made_once_for_the_owners_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(16) as threads:
        keys = {future.result() for future in [threads.submit(lambda: KeyFile(path).made().read()) for _ in range(64)]}

    assert len(keys) == 1
    assert len(path.read_bytes()) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_start_at_once_get_the_same_master_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, adapters.master_keys as v; print(v.KeyFile(pathlib.Path(sys.argv[1])).made().read())"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "master.key"], stdout=subprocess.PIPE, env=environment
        )
        for _ in range(4)
    ]

    assert len({process.communicate(timeout=30)[0] for process in starts}) == 1


@pytest.mark.parametrize(("content", "mode", "complaint"), [(b"short", 0o600, "5 bytes"), (KEY, 0o604, "chmod 600")])
def test_a_master_key_that_cannot_be_right_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, mode: int, complaint: str
) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    os.chmod(path, mode)  # noqa: PTH101 - so that no umask has a say

    with pytest.raises(MasterKeyError, match=complaint):
        KeyFile(path).read()
