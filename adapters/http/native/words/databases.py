"""Managed databases and their backups, as they are answered."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.databases.engine import HOST
from adapters.databases.measuring import Measured
from adapters.due_times import following
from adapters.http.native.wire.databases import (
    AddressOut,
    AttachmentOut,
    BackupOut,
    DatabaseOut,
    HealthOut,
    RestoreOut,
    ScheduleOut,
)
from domain.database import BackupSchedule, Status
from projections.backups import BackupRow
from projections.databases import AttachmentRow, DatabaseRow

FRESH = timedelta(seconds=60)
"""So long a measurement says how a database is."""


def database(
    row: DatabaseRow, attachments: Sequence[AttachmentRow], measured: Measured | None, now: datetime
) -> DatabaseOut:
    """A database with its environments, and what it said when it was last asked."""
    return DatabaseOut(
        id=row.id,
        name=row.name,
        engine=row.engine,
        isolation=row.isolation,
        version=row.version,
        status=row.status,
        error=row.error,
        memory_mb=row.memory_mb,
        connection=_connection(row, attachments),
        attachments=[_attachment(one) for one in attachments],
        size_bytes=measured.size_bytes if measured else None,
        connections=measured.connections if measured and row.status is Status.RUNNING else None,
        health=_health(row, measured, now),
        restore=_restore(row),
        created_at=row.created_at,
        created_by=row.created_by,
        updated_at=row.updated_at,
    )


def backup(row: BackupRow) -> BackupOut:
    """A backup."""
    return BackupOut(
        id=row.id,
        database_id=row.database_id,
        database_name=row.database_name,
        engine=row.engine,
        origin=row.origin,
        note=row.note,
        status=row.status,
        error=row.error,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        found=row.found,
        created_at=row.created_at,
        created_by=row.created_by,
        completed_at=row.completed_at,
        verified_at=row.verified_at,
    )


def schedule(found: BackupSchedule, now: datetime) -> ScheduleOut:
    """A schedule, and its next time."""
    return ScheduleOut(
        cron=found.cron,
        time_zone=found.time_zone,
        keep_count=found.keep_count,
        keep_days=found.keep_days,
        verify=found.verify,
        next_at=next(following(found.cron, found.time_zone, now)),
    )


def _connection(row: DatabaseRow, attachments: Sequence[AttachmentRow]) -> AddressOut | None:
    if row.port is None:
        return None
    variables = sorted({one.variable for one in attachments})
    return AddressOut(host=HOST, port=row.port, user=row.user, database=row.database, password_in=variables)


def _attachment(row: AttachmentRow) -> AttachmentOut:
    return AttachmentOut(
        project_id=row.project_id,
        environment_id=row.environment_id,
        secret_id=row.secret_id,
        variable=row.variable,
        attached_at=row.attached_at,
    )


def _health(row: DatabaseRow, measured: Measured | None, now: datetime) -> HealthOut:
    if row.status is not Status.RUNNING or measured is None or now - measured.at > FRESH:
        return HealthOut(state="unknown", message=None, checked_at=measured.at if measured else None)
    return HealthOut(
        state="unhealthy" if measured.problem else "healthy", message=measured.problem, checked_at=measured.at
    )


def _restore(row: DatabaseRow) -> RestoreOut | None:
    if row.restoring is not None:
        return RestoreOut(status="running", backup_id=row.restoring, error=None, finished_at=None)
    if row.restore_error is not None:
        return RestoreOut(status="failed", backup_id=None, error=row.restore_error, finished_at=None)
    if row.restored_at is not None:
        return RestoreOut(status="done", backup_id=None, error=None, finished_at=row.restored_at)
    return None
