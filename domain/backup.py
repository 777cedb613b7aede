"""A backup of a managed database: one file, whose length and digest the facts know."""

from enum import StrEnum

from msgspec.structs import replace

from domain.database import Engine
from domain.fact import Fact, Value
from domain.identifiers import BackupId, DatabaseId, MachineId


class Origin(StrEnum):
    """Why a backup is made."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    """By the database's schedule; only these are subject to its retention."""
    LAST = "last"
    """Before the database was deleted; it outlives it."""


class Status(StrEnum):
    """How a backup stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    """The file is whole, and on the disk."""
    VERIFYING = "verifying"
    VERIFIED = "verified"
    """It was restored into a scratch database."""
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class BackupRequested(Fact, tag="backup.requested"):
    """Somebody, or a schedule, asked for a backup; ``machine`` holds the database and will hold the file."""

    backup_id: BackupId
    database_id: DatabaseId
    database_name: str
    engine: Engine
    machine: MachineId
    origin: Origin
    verify: bool = False
    note: str | None = None


class BackupStarted(Fact, tag="backup.started"):
    """The database is being read."""

    backup_id: BackupId
    database_name: str


class BackupCompleted(Fact, tag="backup.completed"):
    """The whole file is on the disk. ``sha256`` in hexadecimal digits; ``size_bytes`` is never 0."""

    backup_id: BackupId
    database_name: str
    size_bytes: int
    sha256: str


class BackupFailed(Fact, tag="backup.failed"):
    """There is no backup."""

    backup_id: BackupId
    database_name: str
    error: str


class BackupVerificationRequested(Fact, tag="backup.verification-requested"):
    """It is to be restored into a scratch database, to see that it can be."""

    backup_id: BackupId
    database_name: str


class BackupVerified(Fact, tag="backup.verified"):
    """It was restored into a scratch database, which then held ``found``."""

    backup_id: BackupId
    database_name: str
    found: str


class BackupVerificationFailed(Fact, tag="backup.verification-failed"):
    """It could not be restored into a scratch database."""

    backup_id: BackupId
    database_name: str
    error: str


class BackupDownloaded(Fact, tag="backup.downloaded"):
    """Somebody began to download the file."""

    backup_id: BackupId
    database_name: str


class BackupDeletionRequested(Fact, tag="backup.deletion-requested"):
    """The file shall go."""

    backup_id: BackupId
    database_name: str


class BackupDeleted(Fact, tag="backup.deleted"):
    """The file is gone."""

    backup_id: BackupId
    database_name: str


Event = (
    BackupRequested
    | BackupStarted
    | BackupCompleted
    | BackupFailed
    | BackupVerificationRequested
    | BackupVerified
    | BackupVerificationFailed
    | BackupDownloaded
    | BackupDeletionRequested
    | BackupDeleted
)


class Backup(Value):
    """What later decisions need of a backup."""

    requested: BackupRequested | None = None
    completed: BackupCompleted | None = None
    status: Status = Status.QUEUED


def evolve(state: Backup, fact: Event) -> Backup:
    """The backup after ``fact``."""
    match fact:
        case BackupRequested():
            return Backup(requested=fact)
        case BackupCompleted():
            return replace(state, completed=fact, status=Status.DONE)
        case BackupDownloaded():
            return state
        case _:
            return replace(state, status=STATUS[type(fact)])


STATUS: dict[type[Fact], Status] = {
    BackupStarted: Status.RUNNING,
    BackupFailed: Status.FAILED,
    BackupVerificationRequested: Status.VERIFYING,
    BackupVerified: Status.VERIFIED,
    BackupVerificationFailed: Status.FAILED,
    BackupDeletionRequested: Status.DELETING,
    BackupDeleted: Status.DELETED,
}
"""The status that a fact leads to, whatever else it says."""
