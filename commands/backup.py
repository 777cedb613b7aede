"""Backups of managed databases: what may be asked."""

import re
from collections.abc import Sequence

from commands import checks
from commands.checks import check
from commands.command import Command
from commands.decider import Decider
from domain.backup import (
    Backup,
    BackupCompleted,
    BackupDeleted,
    BackupDeletionRequested,
    BackupDownloaded,
    BackupFailed,
    BackupRequested,
    BackupStarted,
    BackupVerificationFailed,
    BackupVerificationRequested,
    BackupVerified,
    Event,
    Origin,
    Status,
    evolve,
)
from domain.database import Engine
from domain.identifiers import BackupId, DatabaseId, MachineId
from domain.rejection import Conflict, NotFound

DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_ERROR = 500
LONGEST_NOTE = 500


class RequestBackup(Command):
    """Ask for a backup of a database; ``verify``: it is restored into a scratch database as soon as it is made."""

    backup_id: BackupId
    database_id: DatabaseId
    database_name: str
    engine: Engine
    machine: MachineId
    origin: Origin
    verify: bool = False
    note: str | None = None


class StartBackup(Command):
    """Begin to read the database."""

    backup_id: BackupId


class CompleteBackup(Command):
    """Report the whole file: its length, and its SHA-256 in hexadecimal digits."""

    backup_id: BackupId
    size_bytes: int
    sha256: str


class FailBackup(Command):
    """Report that there will be no file."""

    backup_id: BackupId
    error: str


class VerifyBackup(Command):
    """Ask that it be restored into a scratch database."""

    backup_id: BackupId


class ReportVerified(Command):
    """It could be restored; ``found`` says what there was then."""

    backup_id: BackupId
    found: str


class ReportVerificationFailed(Command):
    """It could not be restored."""

    backup_id: BackupId
    error: str


class NoteDownload(Command):
    """Note that somebody downloads it."""

    backup_id: BackupId


class DeleteBackup(Command):
    """Let the file go."""

    backup_id: BackupId


class ReportBackupDeleted(Command):
    """The file is gone."""

    backup_id: BackupId


BackupCommand = (
    RequestBackup
    | StartBackup
    | CompleteBackup
    | FailBackup
    | VerifyBackup
    | ReportVerified
    | ReportVerificationFailed
    | NoteDownload
    | DeleteBackup
    | ReportBackupDeleted
)


def decide(command: BackupCommand, state: Backup) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    if isinstance(command, RequestBackup):
        return [] if state.requested else _request(command)
    identity, name = command.backup_id, require_backup(state).database_name
    match command:
        case StartBackup():
            queued = state.status is Status.QUEUED
            return [BackupStarted(backup_id=identity, database_name=name)] if queued else []
        case CompleteBackup():
            return _complete(command, state)
        case FailBackup():
            under_way = state.status in {Status.QUEUED, Status.RUNNING}
            error = checks.shown(command.error, LONGEST_ERROR)
            return [BackupFailed(backup_id=identity, database_name=name, error=error)] if under_way else []
        case VerifyBackup() | ReportVerified() | ReportVerificationFailed():
            return _verification(command, state)
        case NoteDownload():
            require_file(state)
            return [BackupDownloaded(backup_id=identity, database_name=name)]
        case DeleteBackup():
            return _delete(command, state)
        case ReportBackupDeleted():
            going = state.status is Status.DELETING
            return [BackupDeleted(backup_id=identity, database_name=name)] if going else []


def require_backup(state: Backup) -> BackupRequested:
    """How it was asked for; refuse where it never was, or is gone."""
    if state.requested is None or state.status is Status.DELETED:
        raise NotFound("There is no such backup.")
    return state.requested


def require_file(state: Backup) -> BackupCompleted:
    """What its file is; refuse where there is no whole one."""
    require_backup(state)
    if state.completed is None or state.status is Status.DELETING:
        raise Conflict(f"The backup is {state.status}: there is no whole file of it.", code="no_backup_file")
    return state.completed


def _request(command: RequestBackup) -> Sequence[Event]:
    check([("note", checks.text(command.note, LONGEST_NOTE))])
    return [
        BackupRequested(
            backup_id=command.backup_id,
            database_id=command.database_id,
            database_name=command.database_name,
            engine=command.engine,
            machine=command.machine,
            origin=command.origin,
            verify=command.verify,
            note=command.note,
        )
    ]


def _complete(command: CompleteBackup, state: Backup) -> Sequence[Event]:
    """Only a backup that is being made, with a file that is not empty, is ever done."""
    requested = require_backup(state)
    if state.completed is not None:
        return []
    if state.status is not Status.RUNNING or command.size_bytes < 1 or not DIGEST.fullmatch(command.sha256):
        raise Conflict(f"A backup that is {state.status} cannot be completed with this file.")
    identity, name = command.backup_id, requested.database_name
    done = BackupCompleted(backup_id=identity, database_name=name, size_bytes=command.size_bytes, sha256=command.sha256)
    return [done, BackupVerificationRequested(backup_id=identity, database_name=name)] if requested.verify else [done]


def _verification(command: VerifyBackup | ReportVerified | ReportVerificationFailed, state: Backup) -> Sequence[Event]:
    identity, name = command.backup_id, require_backup(state).database_name
    verifying = state.status is Status.VERIFYING
    match command:
        case VerifyBackup():
            require_file(state)
            return [] if verifying else [BackupVerificationRequested(backup_id=identity, database_name=name)]
        case ReportVerified() if verifying:
            return [BackupVerified(backup_id=identity, database_name=name, found=command.found)]
        case ReportVerificationFailed() if verifying:
            error = checks.shown(command.error, LONGEST_ERROR)
            return [BackupVerificationFailed(backup_id=identity, database_name=name, error=error)]
        case _:
            return []


def _delete(command: DeleteBackup, state: Backup) -> Sequence[Event]:
    if state.status is Status.DELETING:
        return []
    if state.status in {Status.RUNNING, Status.VERIFYING}:
        raise Conflict(f"The backup is {state.status}. Try again once that is done.", code="busy")
    name = require_backup(state).database_name
    return [BackupDeletionRequested(backup_id=command.backup_id, database_name=name)]


DECIDER = Decider(category="backup", initial=Backup(), decide=decide, evolve=evolve)
