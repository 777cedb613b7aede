"""What the work on managed databases stands on: the plane's log and vault, and this machine's servers."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.databases.engine import Engine, EngineFailed, Order
from adapters.databases.places import Machine, Places, this_machine
from adapters.databases.postgres import Postgres
from adapters.databases.redis import Redis
from adapters.databases.servers import Servers
from adapters.databases.shared_postgres import SharedPostgres
from adapters.runtime.sandbox import Capabilities
from commands import backup, database
from commands.attaching import PASSWORD_VERSION
from commands.command import Command
from commands.database_checks import require_database
from commands.decider import AnyDecider
from commands.ports import SecretValue
from domain.backup import Backup
from domain.database import Database, DatabaseCreated, DatabasePlaced, Isolation
from domain.database import Engine as Kind
from domain.history import Context
from domain.identifiers import BackupId, DatabaseId, TenantId, stream, uuid7
from domain.rejection import NotFound
from services.leasing import on_behalf
from services.patience import patiently
from services.wiring import Core


@dataclass(frozen=True)
class Grounds:
    """What the work on databases stands on."""

    core: Core
    machine: Machine
    places: Places
    servers: Servers
    engines: Mapping[tuple[Kind, Isolation], Engine]

    @classmethod
    def of(cls, core: Core, able: Capabilities | None = None) -> "Grounds":
        """Everything of this machine. Blocks for a moment."""
        places = Places(core.settings.data_dir)
        machine = this_machine(places)
        servers = Servers(places, able)
        postgres = Postgres(servers, machine)
        engines: dict[tuple[Kind, Isolation], Engine] = {
            (Kind.POSTGRES, Isolation.INSTANCE): postgres,
            (Kind.POSTGRES, Isolation.SHARED): SharedPostgres(servers, postgres),
            (Kind.REDIS, Isolation.INSTANCE): Redis(servers, machine),
        }
        return cls(core, machine, places, servers, engines)

    async def state(self, tenant_id: TenantId, database_id: DatabaseId) -> Database:
        """The database as the log has it."""
        return await self.core.handler.state(database.DECIDER, database_id, tenant_id)

    def engine(self, created: DatabaseCreated) -> Engine:
        """What serves it."""
        return self.engines[created.engine, created.isolation]

    async def order(self, tenant_id: TenantId, state: Database, placed: DatabasePlaced) -> Order:
        """The database as it shall be. Raises ``EngineFailed`` where its password was forgotten before it was made."""
        created = require_database(state)
        try:
            password = await self.core.vault.open(tenant_id, created.database_id, PASSWORD_VERSION)
        except NotFound as forgotten:
            if not state.started:
                raise EngineFailed("Its password was forgotten, with the secrets of the workspace.") from forgotten
            password = SecretValue("")  # enough to run, stop and delete it
        return _order(created, placed, password, existed=state.started)

    async def backup(self, tenant_id: TenantId, backup_id: BackupId) -> Backup:
        """The backup as the log has it."""
        return await self.core.handler.state(backup.DECIDER, backup_id, tenant_id)

    async def report(self, tenant_id: TenantId, decider: AnyDecider, identity: str, command: Command) -> None:
        """Record what became of something, on behalf of what was asked for last. A log that is away is waited for."""
        context = await self.context(tenant_id, decider, identity)
        await patiently(lambda: self.core.handler.handle(command, context))

    async def context(self, tenant_id: TenantId, decider: AnyDecider, identity: str) -> Context:
        """The circumstances of what follows from what was asked for last."""
        history = await patiently(lambda: self.core.log.read(stream(decider.category, identity)))
        return on_behalf(tenant_id, history[-1], "executor", self.core.clock, uuid7())


def _order(created: DatabaseCreated, placed: DatabasePlaced, password: SecretValue, *, existed: bool) -> Order:
    return Order(
        id=created.database_id,
        database=created.database,
        user=created.user,
        password=password,
        port=placed.port,
        memory_mb=created.memory_mb,
        existed=existed,
    )
