"""Backups of managed databases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.backup import (
    STATUS,
    BackupCompleted,
    BackupDeleted,
    BackupDownloaded,
    BackupFailed,
    BackupRequested,
    BackupVerificationFailed,
    BackupVerified,
    Event,
    Origin,
    Status,
)
from domain.database import Engine
from domain.history import Recorded
from domain.identifiers import BackupId, DatabaseId, MachineId, TenantId
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import Page, Paging, Reader, Selection, every

OPEN = (Status.QUEUED, Status.RUNNING, Status.VERIFYING, Status.DELETING)
"""The machine has something to do."""


class BackupRow(Row):
    """A backup. ``sha256`` and ``size_bytes`` are there as soon as the file is whole; ``revision`` is the stream's."""

    id: BackupId
    tenant_id: TenantId
    database_id: DatabaseId
    database_name: str
    engine: Engine
    machine: MachineId
    origin: Origin
    note: str | None
    status: Status
    error: str | None
    size_bytes: int | None
    sha256: str | None
    found: str | None
    created_at: datetime
    created_by: str
    completed_at: datetime | None
    verified_at: datetime | None
    revision: int


BACKUPS = Table(
    "backups",
    BackupRow,
    key=("id",),
    indexes=(("tenant_id", "created_at"), ("database_id", "created_at"), ("status", "machine")),
)


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of backups."""
    match recorded.fact:
        case BackupRequested() as fact:
            return [Put(BACKUPS, _requested(fact, recorded))]
        case BackupDeleted() as fact:
            return [Remove(BACKUPS, fact.backup_id)]
        case fact if isinstance(fact, Event):
            return [Patch(BACKUPS, fact.backup_id, _fields(fact, recorded) | {"revision": recorded.version})]
        case _:
            return []


def _fields(fact: Event, recorded: Recorded) -> dict[str, Any]:
    match fact:
        case BackupCompleted():
            made = {"size_bytes": fact.size_bytes, "sha256": fact.sha256, "completed_at": recorded.context.at}
            return {"status": Status.DONE, **made}
        case BackupFailed() | BackupVerificationFailed():
            return {"status": Status.FAILED, "error": fact.error}
        case BackupVerified():
            verified = {"found": fact.found, "verified_at": recorded.context.at}
            return {"status": Status.VERIFIED, "error": None, **verified}
        case BackupDownloaded():
            return {}
        case _:
            return {"status": STATUS[type(fact)]}


def _requested(fact: BackupRequested, recorded: Recorded) -> BackupRow:
    return BackupRow(
        id=fact.backup_id,
        tenant_id=recorded.context.tenant_id,
        database_id=fact.database_id,
        database_name=fact.database_name,
        engine=fact.engine,
        machine=fact.machine,
        origin=fact.origin,
        note=fact.note,
        status=Status.QUEUED,
        error=None,
        size_bytes=None,
        sha256=None,
        found=None,
        created_at=recorded.context.at,
        created_by=recorded.context.actor.name,
        completed_at=None,
        verified_at=None,
        revision=recorded.version,
    )


MODEL = ReadModel("backups", [BACKUPS], project, Event)


async def find(reader: Reader, tenant: TenantId, backup_id: BackupId) -> BackupRow | None:
    """One backup."""
    return await reader.one(BACKUPS, {"tenant_id": tenant, "id": backup_id})


async def listing(
    reader: Reader, tenant: TenantId, paging: Paging, database_id: DatabaseId | None = None
) -> Page[BackupRow]:
    """The backups of the workspace, or of one database; the newest first."""
    only = {} if database_id is None else {"database_id": database_id}
    selection = Selection(equal={"tenant_id": tenant, **only}, order_by="created_at", descending=True)
    return await reader.select(BACKUPS, selection, paging)


async def of_database(reader: Reader, database_id: DatabaseId) -> list[BackupRow]:
    """All backups of a database, the newest first."""
    selection = Selection(equal={"database_id": database_id}, order_by="created_at", descending=True)
    return await every(reader, BACKUPS, selection)


async def open_on(reader: Reader, machine: MachineId) -> list[BackupRow]:
    """The backups for which the machine has something to do."""
    return await every(reader, BACKUPS, Selection(equal={"status": OPEN, "machine": machine}))
