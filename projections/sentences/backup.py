"""Sentences about backups."""

from domain import backup
from domain.backup import (
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
)


def tell(fact: backup.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    of = f"backup of the database '{fact.database_name}'"
    match fact:
        case BackupRequested():
            return f"{who} asked for a {fact.origin} {of}."
        case BackupStarted():
            return f"A {of} was begun."
        case BackupCompleted():
            return f"A {of} was made, of {fact.size_bytes} bytes."
        case BackupFailed():
            return f"A {of} failed: {fact.error}"
        case BackupVerificationRequested():
            return f"{who} asked for a {of} to be verified."
        case BackupVerified():
            return f"A {of} was restored into a scratch database, which held {fact.found}."
        case BackupVerificationFailed():
            return f"A {of} could not be restored into a scratch database: {fact.error}"
        case BackupDownloaded():
            return f"{who} downloaded a {of}."
        case BackupDeletionRequested():
            return f"{who} asked for a {of} to be deleted."
        case BackupDeleted():
            return f"A {of} was deleted."
