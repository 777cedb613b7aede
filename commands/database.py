"""Managed databases: what may be asked. Passwords are sealed before, and travel beside the facts."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from commands import checks, secret
from commands.checks import check, invalid
from commands.command import Command
from commands.decider import Decider
from domain.database import (
    BackupSchedule,
    BackupScheduleRemoved,
    BackupScheduleSet,
    Database,
    DatabaseAttached,
    DatabaseCreated,
    DatabaseDeleted,
    DatabaseDeletionAbandoned,
    DatabaseDeletionRequested,
    DatabaseDetached,
    DatabaseFailed,
    DatabasePlaced,
    DatabaseRestored,
    DatabaseRestoreFailed,
    DatabaseRestoreRequested,
    DatabaseStarted,
    DatabaseStartRequested,
    DatabaseStopped,
    DatabaseStopRequested,
    Engine,
    Event,
    Isolation,
    Status,
    evolve,
)
from domain.identifiers import BackupId, DatabaseId, EnvironmentId, MachineId, ProjectId, SecretId
from domain.rejection import Conflict, NotFound

VERSIONS = {Engine.POSTGRES: "18", Engine.REDIS: "9"}
"""The major version that is made of each engine; Valkey's, whose 9 speaks what Redis 7.2 speaks."""
VARIABLES = {Engine.POSTGRES: "DATABASE_URL", Engine.REDIS: "REDIS_URL"}
"""The secret that an environment gets, where none is named."""
NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
MEMORY_MB = 128, 16_384
LONGEST_ERROR = 500


class CreateDatabase(Command):
    """Make a database: empty, or with what a backup holds."""

    database_id: DatabaseId
    name: str
    engine: Engine
    isolation: Isolation
    memory_mb: int
    restored_from: BackupId | None = None


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
    """Note that the secret is gone."""

    database_id: DatabaseId
    secret_id: SecretId


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
    """Let it go. ``confirm`` is its name; ``last_backup_id`` names the backup that is made before, if one is wanted."""

    database_id: DatabaseId
    confirm: str
    last_backup_id: BackupId | None = None


class PlaceDatabase(Command):
    """Take it on, on a machine and at a port; at a shared server's port it is not its own."""

    database_id: DatabaseId
    machine: MachineId
    port: int
    own_port: bool


class ReportStarted(Command):
    """It answers."""

    database_id: DatabaseId


class ReportStopped(Command):
    """It has stopped."""

    database_id: DatabaseId


class ReportFailed(Command):
    """It shall run, and cannot."""

    database_id: DatabaseId
    error: str


class ReportRestored(Command):
    """The restore of this number is done."""

    database_id: DatabaseId
    restore: int


class ReportRestoreFailed(Command):
    """The restore of this number failed; the database is as it was."""

    database_id: DatabaseId
    restore: int
    error: str


class AbandonDeletion(Command):
    """Keep the database, as its last backup failed."""

    database_id: DatabaseId
    error: str


class ReportDeleted(Command):
    """Nothing of it is left."""

    database_id: DatabaseId


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
    | PlaceDatabase
    | ReportStarted
    | ReportStopped
    | ReportFailed
    | ReportRestored
    | ReportRestoreFailed
    | AbandonDeletion
    | ReportDeleted
)


def decide(command: DatabaseCommand, state: Database) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case CreateDatabase():
            return [] if state.created else _create(command)
        case PlaceDatabase() | ReportDeleted() | AbandonDeletion():
            return _placed_or_gone(command, state)
        case ReportStarted() | ReportStopped() | ReportFailed() | ReportRestored() | ReportRestoreFailed():
            return _reported(command, state)
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


def require_database(state: Database) -> DatabaseCreated:
    """How it was asked for; refuse where it never was, or is gone."""
    if state.created is None or state.status is Status.DELETED:
        raise NotFound("There is no such database.")
    return state.created


def require_kept(state: Database) -> DatabaseCreated:
    """The same; refuse where it is being deleted."""
    created = require_database(state)
    if state.status is Status.DELETING:
        raise Conflict(f"The database '{created.name}' is being deleted.", code="deleting")
    return created


def require_placed(state: Database) -> DatabasePlaced:
    """Where it is; refuse where no machine has taken it on."""
    created = require_kept(state)
    if state.placed is None:
        raise Conflict(f"The database '{created.name}' is still being created. Try again in a moment.", code="creating")
    return state.placed


def require_running(state: Database) -> DatabasePlaced:
    """Where it is; refuse where it does not run."""
    placed = require_placed(state)
    if state.status is not Status.RUNNING:
        raise Conflict(
            f"The database '{placed.name}' is {state.status}. Start it, and try again once it is running.",
            code="not_running",
        )
    return placed


def _create(command: CreateDatabase) -> Sequence[Event]:
    shared = command.isolation is Isolation.SHARED
    check(
        [
            ("name", _name(command.name)),
            ("memoryMb", checks.between(command.memory_mb, *MEMORY_MB)),
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
            version=VERSIONS[command.engine],
            database="0" if command.engine is Engine.REDIS else known,
            user="default" if command.engine is Engine.REDIS else known,
            memory_mb=command.memory_mb,
            restored_from=command.restored_from,
        )
    ]


def _name(name: str) -> str | None:
    fits = NAME.fullmatch(name)
    return None if fits else f"'{name}' must be 1 to 40 of a-z, 0-9 and '-', begin with a letter, not end with '-'"


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
    _require_no_restore(state)
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
    created = require_database(state)
    return [
        DatabaseDetached(
            database_id=command.database_id,
            name=created.name,
            environment_id=one.environment_id,
            secret_id=one.secret_id,
            variable=one.variable,
        )
        for one in state.attachments
        if one.secret_id == command.secret_id
    ]


def _restore(command: RestoreDatabase, state: Database) -> Sequence[Event]:
    placed = require_running(state)
    _require_no_restore(state)
    return [
        DatabaseRestoreRequested(
            database_id=command.database_id,
            name=placed.name,
            backup_id=command.backup_id,
            restore=state.restores + 1,
        )
    ]


def _require_no_restore(state: Database) -> None:
    if state.restoring is not None:
        raise Conflict("A backup is being restored into it. Try again once that is done.", code="restoring")


def _delete(command: DeleteDatabase, state: Database) -> Sequence[Event]:
    created = require_database(state)
    if state.status is Status.DELETING:
        return []
    if command.confirm != created.name:
        raise invalid("confirm", f"must be the database's name, '{created.name}': all that it holds will be lost")
    if state.attachments:
        raise Conflict(
            f"The database '{created.name}' is attached to {len(state.attachments)} environment(s). "
            "Detach it first, or ask with detach=true.",
            code="attached",
        )
    if command.last_backup_id is not None:
        require_running(state)
    return [
        DatabaseDeletionRequested(
            database_id=command.database_id, name=created.name, last_backup_id=command.last_backup_id
        )
    ]


def _placed_or_gone(command: PlaceDatabase | ReportDeleted | AbandonDeletion, state: Database) -> Sequence[Event]:
    created = require_database(state)
    match command:
        case PlaceDatabase() if state.placed is None:
            return [
                DatabasePlaced(
                    database_id=command.database_id,
                    name=created.name,
                    machine=command.machine,
                    port=command.port,
                    own_port=command.own_port,
                )
            ]
        case ReportDeleted() if state.status is Status.DELETING:
            return [DatabaseDeleted(database_id=command.database_id, name=created.name)]
        case AbandonDeletion() if state.status is Status.DELETING:
            error = checks.shown(command.error, LONGEST_ERROR)
            return [DatabaseDeletionAbandoned(database_id=command.database_id, name=created.name, error=error)]
        case _:
            return []


def _reported(
    command: ReportStarted | ReportStopped | ReportFailed | ReportRestored | ReportRestoreFailed, state: Database
) -> Sequence[Event]:
    """What a machine says of it; what was meanwhile asked for otherwise is not news any more."""
    created, backup = require_database(state), state.restoring
    identity, name = command.database_id, created.name
    match command:
        case ReportStarted() if state.status in {Status.CREATING, Status.STARTING, Status.FAILED}:
            return [DatabaseStarted(database_id=identity, name=name)]
        case ReportStopped() if state.status is Status.STOPPING:
            return [DatabaseStopped(database_id=identity, name=name)]
        case ReportFailed() if state.status in {Status.CREATING, Status.STARTING, Status.RUNNING, Status.FAILED}:
            error = checks.shown(command.error, LONGEST_ERROR)
            return [] if error == state.error else [DatabaseFailed(database_id=identity, name=name, error=error)]
        case ReportRestored() if backup is not None and command.restore == state.restores:
            return [DatabaseRestored(database_id=identity, name=name, backup_id=backup, restore=command.restore)]
        case ReportRestoreFailed() if backup is not None and command.restore == state.restores:
            return [
                DatabaseRestoreFailed(
                    database_id=identity,
                    name=name,
                    backup_id=backup,
                    restore=command.restore,
                    error=checks.shown(command.error, LONGEST_ERROR),
                )
            ]
        case _:
            return []


def _schedule(command: SetBackupSchedule | RemoveBackupSchedule, state: Database) -> Sequence[Event]:
    name = require_kept(state).name
    if isinstance(command, RemoveBackupSchedule):
        return [BackupScheduleRemoved(database_id=command.database_id, name=name)] if state.schedule else []
    check(_schedule_problems(command.schedule))
    if state.schedule == command.schedule:
        return []
    return [BackupScheduleSet(database_id=command.database_id, name=name, schedule=command.schedule)]


def _schedule_problems(schedule: BackupSchedule) -> Sequence[tuple[str, str | None]]:
    return [
        ("cron", None if len(schedule.cron.split()) == 5 and len(schedule.cron) <= 100 else "must have five fields"),
        ("timeZone", _time_zone(schedule.time_zone)),
        ("keepCount", checks.between(schedule.keep_count, 1, 1000)),
        ("keepDays", checks.between(schedule.keep_days, 1, 3650)),
    ]


def _time_zone(name: str) -> str | None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"'{name[:100]}' is no time zone; use one such as Europe/Berlin"
    return None


def variable(engine: Engine, name: str | None, prefix: str | None) -> str:
    """The secret's name: ``name``, or the engine's usual one behind ``prefix``. Raises ``Invalid``."""
    found = name or (prefix or "") + VARIABLES[engine]
    if not secret.NAME.fullmatch(found):
        raise invalid("variable", f"'{found}' is not a variable's name; use letters, digits and '_'")
    return found


DECIDER = Decider(category="database", initial=Database(), decide=decide, evolve=evolve)
