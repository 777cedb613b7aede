"""The composition root: settings in, objects out. The only place that knows every class."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.master_keys import MasterKeys, source_of
from adapters.numbering import Counters
from adapters.quotas import Quotas
from adapters.reading import PostgresReader
from adapters.settings import Settings
from adapters.vault import SealedVault
from commands.limiting import LimitedHandler
from services.embedded import database_url


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """This moment, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Core:
    """What every process of ours is built on: the log, the commands over it, and the read models."""

    settings: Settings
    database: Database
    log: EventLog
    handler: LimitedHandler
    quotas: Quotas
    numbers: Counters
    vault: SealedVault
    reader: PostgresReader
    clock: SystemClock


@asynccontextmanager
async def core(settings: Settings, *, connections: int = 8) -> AsyncIterator[Core]:
    """The core for one process; it is closed with the context. Raises ``Unavailable`` and ``UnsuitableDatabase``."""
    masters = MasterKeys(await asyncio.to_thread(source_of, settings))
    await masters.read()
    async with (
        Database.open(database_url(settings), connections=connections) as database,
        EventLog.open(database) as log,
    ):
        vault = SealedVault(database, masters)
        await vault.prove()
        quotas = Quotas(database)
        yield Core(
            settings=settings,
            database=database,
            log=log,
            handler=LimitedHandler(log, quotas, settings.limits),
            quotas=quotas,
            numbers=Counters(database),
            vault=vault,
            reader=PostgresReader(database),
            clock=SystemClock(),
        )
