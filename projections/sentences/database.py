"""Sentences about managed databases."""

from domain import database
from domain.database import (
    BackupScheduleRemoved,
    BackupScheduleSet,
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
)


def tell(fact: database.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case DatabaseCreated():
            source = "" if fact.restored_from is None else ", from a backup"
            return f"{who} asked for the {fact.isolation} {fact.engine} database '{fact.name}'{source}."
        case DatabasePlaced():
            return f"The database '{fact.name}' got its place, at port {fact.port}."
        case DatabaseStartRequested():
            return f"{who} asked for the database '{fact.name}' to start."
        case DatabaseStarted():
            return f"The database '{fact.name}' runs."
        case DatabaseStopRequested():
            return f"{who} asked for the database '{fact.name}' to stop."
        case DatabaseStopped():
            return f"The database '{fact.name}' has stopped."
        case DatabaseFailed():
            return f"The database '{fact.name}' cannot run: {fact.error}"
        case DatabaseAttached():
            return f"{who} attached the database '{fact.name}' to an environment as {fact.variable}."
        case DatabaseDetached():
            return f"{who} detached the database '{fact.name}' from an environment, which had it as {fact.variable}."
        case BackupScheduleSet():
            when = f"'{fact.schedule.cron}' in {fact.schedule.time_zone}"
            return f"{who} had backups of the database '{fact.name}' made at {when}."
        case BackupScheduleRemoved():
            return f"{who} ended the scheduled backups of the database '{fact.name}'."
        case _:
            return _of_an_end(fact, who)


def _of_an_end(
    fact: DatabaseRestoreRequested
    | DatabaseRestored
    | DatabaseRestoreFailed
    | DatabaseDeletionRequested
    | DatabaseDeletionAbandoned
    | DatabaseDeleted,
    who: str,
) -> str:
    match fact:
        case DatabaseRestoreRequested():
            return f"{who} asked for a backup to be restored into the database '{fact.name}'."
        case DatabaseRestored():
            return f"A backup was restored into the database '{fact.name}'."
        case DatabaseRestoreFailed():
            return f"A backup could not be restored into the database '{fact.name}': {fact.error}"
        case DatabaseDeletionRequested():
            last = "" if fact.last_backup_id is None else ", after a last backup"
            return f"{who} asked for the database '{fact.name}' to be deleted{last}."
        case DatabaseDeletionAbandoned():
            return f"The database '{fact.name}' was not deleted: {fact.error}"
        case DatabaseDeleted():
            return f"The database '{fact.name}' was deleted."
