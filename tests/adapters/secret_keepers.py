"""Keeps setting secrets and reading them, in a process of its own, until it is told to end; or rotates their keys.

What was kept is told a line each: the secret, its version, and that the value which was read again was the right one.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.master_keys import KeyFile, MasterKeys
from adapters.rotation import Rotation
from adapters.vault import SealedVault
from commands.ports import SecretValue
from tests.adapters.appends import append, secret_set

SCOPES = ("one", "two")


async def keep(name: str, database: Database, vault: SealedVault) -> None:
    """Set secret after secret, and read it again together with one that was set long ago."""
    async with EventLog.open(database) as log:
        for number in count(1):
            scope, secret = SCOPES[number % len(SCOPES)], f"{name}-{number}"
            value = SecretValue(f"value of {secret}")
            mark = await vault.fingerprint(scope, SecretValue("the same"))
            sealed = await vault.seal(scope, secret, 1, value)
            await log.append(append(f"secret-{secret}", 0, secret_set(secret), sealed=(sealed,)))
            former = f"{name}-{max(1, number - 20)}"
            for one in (secret, former):
                of = SCOPES[int(one.rpartition("-")[2]) % len(SCOPES)]
                assert (await vault.open(of, one, 1)).reveal == f"value of {one}"
            print(scope, secret, mark, flush=True)


async def rotate(database: Database, vault: SealedVault) -> None:
    """Exchange the master key and each scope's key, again and again."""

    async def tell(_: object) -> None:
        pass

    keys = Rotation(database, vault)
    while True:
        await keys.rotate_master(tell)
        for scope in SCOPES:
            begun = await keys.begin(scope)
            print("begun", flush=True)
            while await keys.seal_again(scope):
                pass
            await keys.settle(begun)
        print("rotated", flush=True)


async def main(work: str, url: str, path: str) -> None:
    """Do the work until killed."""
    async with Database.open(url, connections=4) as database:
        vault = SealedVault(database, MasterKeys(KeyFile(Path(path))))
        await vault.prove()
        await (rotate(database, vault) if work == "rotate" else keep(work, database, vault))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
