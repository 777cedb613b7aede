"""What a managed database and a backup may live through."""

from collections.abc import Iterator

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
    Origin,
)
from domain.database import (
    BackupSchedule,
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
    Engine,
    Isolation,
)
from domain.fact import Fact
from domain.identifiers import BackupId, DatabaseId, EnvironmentId, MachineId, ProjectId, SecretId

MACHINE = MachineId("machine")


def life(database: DatabaseId, project: ProjectId) -> Iterator[Fact]:
    """Of a database, from its creation to its end."""
    place, secret, backup = (
        EnvironmentId(f"production of {project}"),
        SecretId(f"url of {database}"),
        BackupId("backup"),
    )
    yield DatabaseCreated(
        database_id=database,
        name="shop",
        engine=Engine.POSTGRES,
        isolation=Isolation.INSTANCE,
        version="18",
        database="shop",
        user="shop",
        memory_mb=256,
    )
    yield DatabasePlaced(database_id=database, name="shop", machine=MACHINE, port=12345)
    yield DatabaseFailed(database_id=database, name="shop", error="The port is taken.")
    yield DatabaseStarted(database_id=database, name="shop")
    yield DatabaseAttached(
        database_id=database,
        name="shop",
        project_id=project,
        environment_id=place,
        secret_id=secret,
        variable="DATABASE_URL",
    )
    yield BackupScheduleSet(database_id=database, name="shop", schedule=BackupSchedule(cron="0 3 * * *"))
    yield BackupScheduleRemoved(database_id=database, name="shop")
    yield DatabaseRestoreRequested(database_id=database, name="shop", backup_id=backup, restore=1)
    yield DatabaseRestored(database_id=database, name="shop", backup_id=backup, restore=1)
    yield DatabaseRestoreRequested(database_id=database, name="shop", backup_id=backup, restore=2)
    yield DatabaseRestoreFailed(database_id=database, name="shop", backup_id=backup, restore=2, error="It is gone.")
    yield DatabaseStopRequested(database_id=database, name="shop")
    yield DatabaseStopped(database_id=database, name="shop")
    yield DatabaseStartRequested(database_id=database, name="shop")
    yield DatabaseStarted(database_id=database, name="shop")
    yield DatabaseDetached(
        database_id=database, name="shop", environment_id=place, secret_id=secret, variable="DATABASE_URL"
    )
    yield DatabaseDeletionRequested(database_id=database, name="shop", last_backup_id=backup)
    yield DatabaseDeletionAbandoned(database_id=database, name="shop", error="Its last backup failed.")
    yield DatabaseDeletionRequested(database_id=database, name="shop")
    yield DatabaseDeleted(database_id=database, name="shop")


def life_of_backup(backup: BackupId) -> Iterator[Fact]:
    """Of a backup, from its request to its end; it is made after all, though that failed at first."""
    yield BackupRequested(
        backup_id=backup,
        database_id=DatabaseId("database"),
        database_name="shop",
        engine=Engine.POSTGRES,
        machine=MACHINE,
        origin=Origin.MANUAL,
    )
    yield BackupStarted(backup_id=backup, database_name="shop")
    yield BackupFailed(backup_id=backup, database_name="shop", error="It was cut off.")
    yield BackupCompleted(backup_id=backup, database_name="shop", size_bytes=1000, sha256="0" * 64)
    yield BackupVerificationRequested(backup_id=backup, database_name="shop")
    yield BackupVerificationFailed(backup_id=backup, database_name="shop", error="No room.")
    yield BackupVerificationRequested(backup_id=backup, database_name="shop")
    yield BackupVerified(backup_id=backup, database_name="shop", found="1 table and 3 rows")
    yield BackupDownloaded(backup_id=backup, database_name="shop")
    yield BackupDeletionRequested(backup_id=backup, database_name="shop")
    yield BackupDeleted(backup_id=backup, database_name="shop")
