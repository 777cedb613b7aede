"""What a machine reports of a managed database."""

from collections.abc import Sequence

from commands import checks
from commands.command import Command
from commands.database_checks import require_database
from domain.database import (
    Database,
    DatabaseDeleted,
    DatabaseDeletionAbandoned,
    DatabaseFailed,
    DatabasePlaced,
    DatabaseRestored,
    DatabaseRestoreFailed,
    DatabaseStarted,
    DatabaseStopped,
    Event,
    Status,
)
from domain.identifiers import DatabaseId, MachineId

LONGEST_ERROR = 500


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


Report = (
    PlaceDatabase
    | ReportStarted
    | ReportStopped
    | ReportFailed
    | ReportRestored
    | ReportRestoreFailed
    | AbandonDeletion
    | ReportDeleted
)


def reported(command: Report, state: Database) -> Sequence[Event]:
    """What a machine says; what was meanwhile asked for otherwise is no news any more."""
    match command:
        case PlaceDatabase() | ReportDeleted() | AbandonDeletion():
            return _placed_or_gone(command, state)
        case _:
            return _reported(command, state)


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
