"""Managed databases: what may be asked. Passwords are sealed before, and travel beside the facts."""

from collections.abc import Sequence

from commands import checks, database_checks
from commands.checks import check, invalid
from commands.command import Command
from commands.database_checks import (
    require_database,
    require_kept,
    require_no_restore,
    require_placed,
    require_running,
)
from commands.database_reports import Report, reported
from commands.decider import Decider
from domain.database import (
    Attachment,
    BackupSchedule,
    BackupScheduleRemoved,
    BackupScheduleSet,
    Database,
    DatabaseAttached,
    DatabaseCreated,
    DatabaseDeletionRequested,
    DatabaseDetached,
    DatabaseRestoreRequested,
    DatabaseStartRequested,
    DatabaseStopRequested,
    Engine,
    Event,
    Isolation,
    Status,
    evolve,
)
from domain.identifiers import BackupId, DatabaseId, EnvironmentId, ProjectId, SecretId
from domain.rejection import Conflict


class CreateDatabase(Command):
    """Make a database: empty, or with what a backup holds. ``slot`` counts the workspace's databases."""

    database_id: DatabaseId
    name: str
    engine: Engine
    isolation: Isolation
    memory_mb: int
    restored_from: BackupId | None = None
    slot: int = 1


class StartDatabase(Command):
    """Let it run; one that failed is tried again at once."""

    database_id: DatabaseId


class StopDatabase(Command):
    """Let it stop, and keep what it holds."""

    database_id: DatabaseId


class AttachDatabase(Command):
    """Note that an environment has its address in a secret."""

    database_id: DatabaseId
    project_id: ProjectId
    environment_id: EnvironmentId
    secret_id: SecretId
    variable: str


class DetachDatabase(Command):
    """Note that these secrets are gone."""

    database_id: DatabaseId
    secret_ids: tuple[SecretId, ...]


class RestoreDatabase(Command):
    """Replace what it holds by what a backup holds."""

    database_id: DatabaseId
    backup_id: BackupId


class SetBackupSchedule(Command):
    """Let backups be made by themselves."""

    database_id: DatabaseId
    schedule: BackupSchedule


class RemoveBackupSchedule(Command):
    """Let no backup be made by itself."""

    database_id: DatabaseId


class DeleteDatabase(Command):
    """Let it go. ``confirm`` is its name; ``last_backup_id`` names the backup that is made before, if one is wanted.

    ``detach``: it may be attached, and the secrets of the environments are gone already.
    """

    database_id: DatabaseId
    confirm: str
    detach: bool = False
    last_backup_id: BackupId | None = None


DatabaseCommand = (
    CreateDatabase
    | StartDatabase
    | StopDatabase
    | AttachDatabase
    | DetachDatabase
    | RestoreDatabase
    | SetBackupSchedule
    | RemoveBackupSchedule
    | DeleteDatabase
    | Report
)


def decide(command: DatabaseCommand, state: Database) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case CreateDatabase():
            return [] if state.created else _create(command)
        case StartDatabase():
            return _start(command, state)
        case StopDatabase():
            return _stop(command, state)
        case AttachDatabase():
            return _attach(command, state)
        case DetachDatabase():
            return _detach(command, state)
        case RestoreDatabase():
            return _restore(command, state)
        case SetBackupSchedule() | RemoveBackupSchedule():
            return _schedule(command, state)
        case DeleteDatabase():
            return _delete(command, state)
        case _:
            return reported(command, state)


def _create(command: CreateDatabase) -> Sequence[Event]:
    shared = command.isolation is Isolation.SHARED
    check(
        [
            ("name", database_checks.name(command.name)),
            ("memoryMb", checks.between(command.memory_mb, *database_checks.MEMORY_MB)),
            ("isolation", "only postgres can be shared" if shared and command.engine is not Engine.POSTGRES else None),
        ]
    )
    known = _account(command)
    return [
        DatabaseCreated(
            database_id=command.database_id,
            name=command.name,
            engine=command.engine,
            isolation=command.isolation,
            version=database_checks.VERSIONS[command.engine],
            database="0" if command.engine is Engine.REDIS else known,
            user="default" if command.engine is Engine.REDIS else known,
            memory_mb=command.memory_mb,
            restored_from=command.restored_from,
            slot=command.slot,
        )
    ]


def _account(command: CreateDatabase) -> str:
    """What its role and its database are called; in a shared server, where others see the names, they tell nothing."""
    if command.isolation is Isolation.SHARED:
        return "db_" + command.database_id.replace("-", "")[-12:]
    return command.name.replace("-", "_")


def _start(command: StartDatabase, state: Database) -> Sequence[Event]:
    name = require_kept(state).name
    running = state.status in {Status.CREATING, Status.STARTING, Status.RUNNING}
    return [] if running else [DatabaseStartRequested(database_id=command.database_id, name=name)]


def _stop(command: StopDatabase, state: Database) -> Sequence[Event]:
    placed = require_placed(state)
    if state.status in {Status.STOPPED, Status.STOPPING}:
        return []
    require_no_restore(state)
    return [DatabaseStopRequested(database_id=command.database_id, name=placed.name)]


def _attach(command: AttachDatabase, state: Database) -> Sequence[Event]:
    placed = require_placed(state)
    if any(one.secret_id == command.secret_id for one in state.attachments):
        return []
    return [
        DatabaseAttached(
            database_id=command.database_id,
            name=placed.name,
            project_id=command.project_id,
            environment_id=command.environment_id,
            secret_id=command.secret_id,
            variable=command.variable,
        )
    ]


def _detach(command: DetachDatabase, state: Database) -> Sequence[Event]:
    require_database(state)
    return [
        _detached(command.database_id, state, one) for one in state.attachments if one.secret_id in command.secret_ids
    ]


def _detached(database_id: DatabaseId, state: Database, attachment: Attachment) -> DatabaseDetached:
    return DatabaseDetached(
        database_id=database_id,
        name=require_database(state).name,
        environment_id=attachment.environment_id,
        secret_id=attachment.secret_id,
        variable=attachment.variable,
    )


def _restore(command: RestoreDatabase, state: Database) -> Sequence[Event]:
    placed = require_running(state)
    require_no_restore(state)
    return [
        DatabaseRestoreRequested(
            database_id=command.database_id,
            name=placed.name,
            backup_id=command.backup_id,
            restore=state.restores + 1,
        )
    ]


def _delete(command: DeleteDatabase, state: Database) -> Sequence[Event]:
    created = require_database(state)
    if state.status is Status.DELETING:
        return []
    if command.confirm != created.name:
        raise invalid("confirm", f"must be the database's name, '{created.name}': all that it holds will be lost")
    if state.attachments and not command.detach:
        raise Conflict(
            f"The database '{created.name}' is attached to {len(state.attachments)} environment(s). "
            "Detach it first, or ask with detach=true.",
            code="attached",
        )
    if command.last_backup_id is not None:
        require_running(state)
    requested = DatabaseDeletionRequested(
        database_id=command.database_id, name=created.name, last_backup_id=command.last_backup_id
    )
    return [*(_detached(command.database_id, state, one) for one in state.attachments), requested]


def _schedule(command: SetBackupSchedule | RemoveBackupSchedule, state: Database) -> Sequence[Event]:
    name = require_kept(state).name
    if isinstance(command, RemoveBackupSchedule):
        return [BackupScheduleRemoved(database_id=command.database_id, name=name)] if state.schedule else []
    check(database_checks.schedule(command.schedule))
    if state.schedule == command.schedule:
        return []
    return [BackupScheduleSet(database_id=command.database_id, name=name, schedule=command.schedule)]


DECIDER = Decider(category="database", initial=Database(), decide=decide, evolve=evolve)
