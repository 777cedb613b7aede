"""Managed databases: where each is, how it stands, and which environments have its address."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.database import (
    STATUS,
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
    Engine,
    Event,
    Isolation,
    Status,
)
from domain.history import Recorded
from domain.identifiers import BackupId, DatabaseId, EnvironmentId, MachineId, ProjectId, SecretId, TenantId
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import Page, Paging, Reader, Selection, every

NOWHERE = MachineId("")
"""The machine of a database that none has taken on."""


class DatabaseRow(Row):
    """A database. ``error`` is why it failed, or why it was not deleted; ``revision`` is the stream's.

    ``restoring`` is the backup that is being restored into it, ``restore`` how many restores there were.
    """

    id: DatabaseId
    tenant_id: TenantId
    name: str
    engine: Engine
    isolation: Isolation
    version: str
    database: str
    user: str
    memory_mb: int
    status: Status
    error: str | None
    machine: MachineId
    port: int | None
    restoring: BackupId | None
    restore: int
    restored_at: datetime | None
    restore_error: str | None
    schedule: BackupSchedule | None
    scheduled: bool
    scheduled_at: datetime | None
    last_backup_id: BackupId | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    revision: int


class AttachmentRow(Row):
    """An environment that has a database's address in the secret ``variable``."""

    secret_id: SecretId
    database_id: DatabaseId
    tenant_id: TenantId
    project_id: ProjectId
    environment_id: EnvironmentId
    variable: str
    attached_at: datetime


DATABASES = Table("databases", DatabaseRow, key=("id",), indexes=(("tenant_id", "name"), ("machine",), ("scheduled",)))
ATTACHMENTS = Table(
    "attachments",
    AttachmentRow,
    key=("secret_id",),
    indexes=(("database_id", "variable"), ("environment_id", "database_id")),
)


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the tables of databases."""
    match recorded.fact:
        case DatabaseCreated() as fact:
            return [Put(DATABASES, _created(fact, recorded))]
        case DatabaseDeleted() as fact:
            return [Remove(DATABASES, fact.database_id)]
        case DatabaseAttached() as fact:
            return [Put(ATTACHMENTS, _attached(fact, recorded)), _patch(fact, recorded, {})]
        case DatabaseDetached() as fact:
            return [Remove(ATTACHMENTS, fact.secret_id), _patch(fact, recorded, {})]
        case fact if isinstance(fact, Event):
            return [_patch(fact, recorded, _fields(fact, recorded))]
        case _:
            return []


def _fields(fact: Event, recorded: Recorded) -> dict[str, Any]:
    """The columns, beside the usual ones, that ``fact`` changes."""
    match fact:
        case DatabasePlaced():
            return {"machine": fact.machine, "port": fact.port}
        case DatabaseFailed():
            return {"status": Status.FAILED, "error": fact.error}
        case DatabaseRestoreRequested():
            return {"restoring": fact.backup_id, "restore": fact.restore, "restore_error": None}
        case DatabaseRestored():
            return {"restoring": None, "restore_error": None, "restored_at": recorded.context.at}
        case DatabaseRestoreFailed():
            return {"restoring": None, "restore_error": fact.error}
        case BackupScheduleSet():
            return {"schedule": fact.schedule, "scheduled": True, "scheduled_at": recorded.context.at}
        case BackupScheduleRemoved():
            return {"schedule": None, "scheduled": False, "scheduled_at": None}
        case DatabaseDeletionRequested():
            return {"status": Status.DELETING, "error": None, "last_backup_id": fact.last_backup_id}
        case DatabaseDeletionAbandoned():
            return {"status": Status.RUNNING, "error": fact.error, "last_backup_id": None}
        case _:
            return {"status": STATUS[type(fact)], "error": None}


def _patch(fact: Event, recorded: Recorded, fields: dict[str, Any]) -> Patch:
    usual = {"updated_at": recorded.context.at, "revision": recorded.version}
    return Patch(DATABASES, fact.database_id, fields | usual)


def _created(fact: DatabaseCreated, recorded: Recorded) -> DatabaseRow:
    return DatabaseRow(
        id=fact.database_id,
        tenant_id=recorded.context.tenant_id,
        name=fact.name,
        engine=fact.engine,
        isolation=fact.isolation,
        version=fact.version,
        database=fact.database,
        user=fact.user,
        memory_mb=fact.memory_mb,
        status=Status.CREATING,
        error=None,
        machine=NOWHERE,
        port=None,
        restoring=fact.restored_from,
        restore=0 if fact.restored_from is None else 1,
        restored_at=None,
        restore_error=None,
        schedule=None,
        scheduled=False,
        scheduled_at=None,
        last_backup_id=None,
        created_at=recorded.context.at,
        created_by=recorded.context.actor.name,
        updated_at=recorded.context.at,
        revision=recorded.version,
    )


def _attached(fact: DatabaseAttached, recorded: Recorded) -> AttachmentRow:
    return AttachmentRow(
        secret_id=fact.secret_id,
        database_id=fact.database_id,
        tenant_id=recorded.context.tenant_id,
        project_id=fact.project_id,
        environment_id=fact.environment_id,
        variable=fact.variable,
        attached_at=recorded.context.at,
    )


MODEL = ReadModel("databases", [DATABASES, ATTACHMENTS], project, Event)


async def find(reader: Reader, tenant: TenantId, database_id: DatabaseId) -> DatabaseRow | None:
    """One database."""
    return await reader.one(DATABASES, {"tenant_id": tenant, "id": database_id})


async def listing(reader: Reader, tenant: TenantId, paging: Paging) -> Page[DatabaseRow]:
    """The workspace's databases by name."""
    return await reader.select(DATABASES, Selection(equal={"tenant_id": tenant}, order_by="name"), paging)


async def attachments(reader: Reader, ids: Sequence[DatabaseId]) -> list[AttachmentRow]:
    """The environments that have these databases' addresses, by the secret's name."""
    return await every(reader, ATTACHMENTS, Selection(equal={"database_id": tuple(ids)}, order_by="variable"))


async def of_machine(reader: Reader, machine: MachineId) -> list[DatabaseRow]:
    """The databases that are the machine's, and those that none has taken on."""
    return await every(reader, DATABASES, Selection(equal={"machine": (machine, NOWHERE)}))


async def scheduled(reader: Reader) -> list[DatabaseRow]:
    """The databases, of all workspaces, whose backups are made by themselves."""
    return await every(reader, DATABASES, Selection(equal={"scheduled": True}))
