"""A managed database: a server of its own, or a role and a database of its own in a shared server.

Facts know its place and its state. Its password is the vault's alone.
"""

from enum import StrEnum

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import BackupId, DatabaseId, EnvironmentId, MachineId, ProjectId, SecretId


class Engine(StrEnum):
    """What serves the data."""

    POSTGRES = "postgres"
    REDIS = "redis"
    """Valkey, which speaks Redis's protocol."""


class Isolation(StrEnum):
    """How far a database is apart from others."""

    INSTANCE = "instance"
    """A server process, a port, a data directory and a memory limit of its own."""
    SHARED = "shared"
    """A role and a database of its own in a PostgreSQL server that workspaces share."""


class Status(StrEnum):
    """How a database stands."""

    CREATING = "creating"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class Attachment(Value):
    """An environment whose next releases get the address as the secret ``variable``."""

    project_id: ProjectId
    environment_id: EnvironmentId
    secret_id: SecretId
    variable: str


class BackupSchedule(Value):
    """When backups are made by themselves (cron of five fields, in a time zone), and how long they are kept.

    Of the scheduled ones the newest ``keep_count`` stay, for ``keep_days`` days; the newest good one always stays.
    """

    cron: str
    time_zone: str = "UTC"
    keep_count: int = 7
    keep_days: int = 30
    verify: bool = True


class DatabaseCreated(Fact, tag="database.created"):
    """Somebody asked for a database; ``version`` is the engine's major one. It begins with a backup, or empty."""

    database_id: DatabaseId
    name: str
    engine: Engine
    isolation: Isolation
    version: str
    database: str
    user: str
    memory_mb: int
    restored_from: BackupId | None = None
    slot: int = 1
    """Its place among those that its workspace may have."""


class DatabasePlaced(Fact, tag="database.placed"):
    """A machine took it on; from then on its files are there, and it listens on this port of the loopback address."""

    database_id: DatabaseId
    name: str
    machine: MachineId
    port: int
    own_port: bool = True


class DatabaseStartRequested(Fact, tag="database.start-requested"):
    """It shall run."""

    database_id: DatabaseId
    name: str


class DatabaseStarted(Fact, tag="database.started"):
    """It answers."""

    database_id: DatabaseId
    name: str


class DatabaseStopRequested(Fact, tag="database.stop-requested"):
    """It shall not run; what it holds is kept."""

    database_id: DatabaseId
    name: str


class DatabaseStopped(Fact, tag="database.stopped"):
    """It does not run any more."""

    database_id: DatabaseId
    name: str


class DatabaseFailed(Fact, tag="database.failed"):
    """It shall run, and cannot; it is tried again all the while."""

    database_id: DatabaseId
    name: str
    error: str


class DatabaseAttached(Fact, tag="database.attached"):
    """The next releases of an environment find its address in a secret."""

    database_id: DatabaseId
    name: str
    project_id: ProjectId
    environment_id: EnvironmentId
    secret_id: SecretId
    variable: str


class DatabaseDetached(Fact, tag="database.detached"):
    """The next releases of the environment do without."""

    database_id: DatabaseId
    name: str
    environment_id: EnvironmentId
    secret_id: SecretId
    variable: str


class DatabaseRestoreRequested(Fact, tag="database.restore-requested"):
    """What it holds is to be replaced by a backup. ``restore`` counts the restores of this database, from 1."""

    database_id: DatabaseId
    name: str
    backup_id: BackupId
    restore: int


class DatabaseRestored(Fact, tag="database.restored"):
    """It holds what the backup held."""

    database_id: DatabaseId
    name: str
    backup_id: BackupId
    restore: int


class DatabaseRestoreFailed(Fact, tag="database.restore-failed"):
    """It holds what it held before."""

    database_id: DatabaseId
    name: str
    backup_id: BackupId
    restore: int
    error: str


class BackupScheduleSet(Fact, tag="database.backup-schedule-set"):
    """Backups are made by themselves."""

    database_id: DatabaseId
    name: str
    schedule: BackupSchedule


class BackupScheduleRemoved(Fact, tag="database.backup-schedule-removed"):
    """Backups are made only where somebody asks for one. Those that there are stay."""

    database_id: DatabaseId
    name: str


class DatabaseDeletionRequested(Fact, tag="database.deletion-requested"):
    """It shall go, with its backups; but a last backup is made before and stays, where one is named."""

    database_id: DatabaseId
    name: str
    last_backup_id: BackupId | None = None


class DatabaseDeletionAbandoned(Fact, tag="database.deletion-abandoned"):
    """It stays, as its last backup could not be made."""

    database_id: DatabaseId
    name: str
    error: str


class DatabaseDeleted(Fact, tag="database.deleted"):
    """Nothing of it is left."""

    database_id: DatabaseId
    name: str


Event = (
    DatabaseCreated
    | DatabasePlaced
    | DatabaseStartRequested
    | DatabaseStarted
    | DatabaseStopRequested
    | DatabaseStopped
    | DatabaseFailed
    | DatabaseAttached
    | DatabaseDetached
    | DatabaseRestoreRequested
    | DatabaseRestored
    | DatabaseRestoreFailed
    | BackupScheduleSet
    | BackupScheduleRemoved
    | DatabaseDeletionRequested
    | DatabaseDeletionAbandoned
    | DatabaseDeleted
)


class Database(Value):
    """What later decisions need of a database."""

    created: DatabaseCreated | None = None
    placed: DatabasePlaced | None = None
    status: Status = Status.CREATING
    started: bool = False
    """It has run before."""
    error: str | None = None
    attachments: tuple[Attachment, ...] = ()
    attached: int = 0
    """How often it was attached."""
    restores: int = 0
    restoring: BackupId | None = None
    schedule: BackupSchedule | None = None
    last_backup_id: BackupId | None = None
    """The backup that is made before it is deleted."""


def evolve(state: Database, fact: Event) -> Database:
    """The database after ``fact``."""
    match fact:
        case DatabaseCreated():
            restores = 0 if fact.restored_from is None else 1
            return Database(created=fact, restoring=fact.restored_from, restores=restores)
        case DatabasePlaced():
            return replace(state, placed=fact)
        case DatabaseAttached() | DatabaseDetached():
            return _attached(state, fact)
        case DatabaseRestoreRequested():
            return replace(state, restoring=fact.backup_id, restores=fact.restore)
        case DatabaseRestored() | DatabaseRestoreFailed():
            return replace(state, restoring=None)
        case BackupScheduleSet():
            return replace(state, schedule=fact.schedule)
        case BackupScheduleRemoved():
            return replace(state, schedule=None)
        case DatabaseFailed():
            return replace(state, status=Status.FAILED, error=fact.error)
        case DatabaseStarted():
            return replace(state, status=Status.RUNNING, error=None, started=True)
        case DatabaseDeletionRequested():
            return replace(state, status=Status.DELETING, error=None, last_backup_id=fact.last_backup_id)
        case _:
            return replace(state, status=STATUS[type(fact)], error=None)


STATUS: dict[type[Fact], Status] = {
    DatabaseStartRequested: Status.STARTING,
    DatabaseStarted: Status.RUNNING,
    DatabaseStopRequested: Status.STOPPING,
    DatabaseStopped: Status.STOPPED,
    DatabaseDeletionRequested: Status.DELETING,
    DatabaseDeletionAbandoned: Status.RUNNING,
    DatabaseDeleted: Status.DELETED,
}
"""The status that a fact leads to, whatever else it says."""


def _attached(state: Database, fact: DatabaseAttached | DatabaseDetached) -> Database:
    others = tuple(one for one in state.attachments if one.secret_id != fact.secret_id)
    if isinstance(fact, DatabaseDetached):
        return replace(state, attachments=others)
    attachment = Attachment(
        project_id=fact.project_id,
        environment_id=fact.environment_id,
        secret_id=fact.secret_id,
        variable=fact.variable,
    )
    return replace(state, attachments=(*others, attachment), attached=state.attached + 1)
