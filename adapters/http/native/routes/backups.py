"""Backups of managed databases."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, BinaryIO

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from adapters.databases.places import Places
from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.routes.databases import DATABASE, shown_database
from adapters.http.native.wire.databases import BackupCreation, BackupOut, DatabaseOut, Restoration
from adapters.http.paging import Asked, Listing
from adapters.http.sending import Sending
from commands import attaching, backing_up
from commands.backup import DeleteBackup, NoteDownload, VerifyBackup
from commands.database import CreateDatabase
from domain.access import Access
from domain.backup import Origin
from domain.database import Engine, Isolation
from domain.identifiers import BackupId, DatabaseId
from domain.rejection import Conflict
from projections import backups, databases
from projections.backups import BackupRow

BACKUPS = DATABASE + "/backups"
BACKUP = BACKUPS + "/{backup_id:str}"
PIECE = 1 << 16
MEMORY_MB = 256
"""What a database that is made of a backup gets, where the one that it is of is gone."""
SUFFIX = {Engine.POSTGRES: "pgdump", Engine.REDIS: "rdb"}


@get("/tenants/{tenant_id:str}/backups")
async def list_all_backups(
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    database_id: Annotated[DatabaseId | None, QueryParameter(name="databaseId")] = None,
) -> Listing[BackupOut]:
    """List the workspace's backups, the newest first; those too whose database is gone."""
    page = await backups.listing(call.reader, call.tenant, asked.paging, database_id)
    return call.listed(page, asked, words.databases.backup)


@get(BACKUPS)
async def list_backups(
    database_id: FromPath[DatabaseId], call: NamedDependency[Call], asked: NamedDependency[Asked]
) -> Listing[BackupOut]:
    """List a database's backups, the newest first."""
    page = await backups.listing(call.reader, call.tenant, asked.paging, database_id)
    if not page.rows:
        existing(await databases.find(call.reader, call.tenant, database_id), "database")
    return call.listed(page, asked, words.databases.backup)


@post(BACKUPS, opt={NEEDS: Access.DEVELOP})
async def create_backup(
    database_id: FromPath[DatabaseId],
    call: NamedDependency[Call],
    data: JSONBody[BackupCreation | None] = None,
) -> Answer[BackupOut]:
    """Make a backup.

    Of PostgreSQL `pg_dump`'s custom format, of Redis an RDB snapshot. Its status goes from `queued` and `running` to
    `done`, and to `verified` where that was asked for.
    """
    backup_id, wanted = BackupId(call.new("backup")), data or BackupCreation()
    await call.perform(
        backing_up.request_backup(
            call.handler,
            call.context,
            backup_id=backup_id,
            database_id=database_id,
            origin=Origin.MANUAL,
            verify=wanted.verify,
            note=wanted.note,
            request=call.request,
        )
    )
    return await _shown(call, database_id, backup_id, status=201)


@get(BACKUP)
async def show_backup(
    database_id: FromPath[DatabaseId], backup_id: FromPath[BackupId], call: NamedDependency[Call]
) -> Answer[BackupOut]:
    """Show a backup."""
    return await _shown(call, database_id, backup_id)


@post(BACKUP + "/verify", status_code=202, opt={NEEDS: Access.DEVELOP})
async def verify_backup(
    database_id: FromPath[DatabaseId], backup_id: FromPath[BackupId], call: NamedDependency[Call]
) -> Answer[BackupOut]:
    """Verify a backup: restore it into a scratch database, and see what is there."""
    await _found(call, database_id, backup_id)
    command = VerifyBackup(backup_id=backup_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    return await _shown(call, database_id, backup_id, status=202)


@post(BACKUP + "/restore", status_code=202, opt={NEEDS: Access.DEVELOP})
async def restore_backup(
    database_id: FromPath[DatabaseId],
    backup_id: FromPath[BackupId],
    call: NamedDependency[Call],
    data: JSONBody[Restoration | None] = None,
) -> Answer[DatabaseOut]:
    """Restore a backup.

    Into the database that it is of, into another one, or into one that is made for it. What a database held before is
    replaced, all or nothing; the answer's `restore` says how that went.
    """
    row, wanted = await _found(call, database_id, backup_id), data or Restoration()
    if wanted.name is not None:
        return await _restored_anew(call, row, wanted.name)
    target = wanted.database_id or database_id
    work = backing_up.restore(call.handler, call.context, database_id=target, backup_id=backup_id, request=call.request)
    await call.perform(work)
    return await shown_database(call, target, status=202)


@get(BACKUP + "/download", media_type="application/octet-stream", opt={NEEDS: Access.ADMIN})
async def download_backup(
    database_id: FromPath[DatabaseId], backup_id: FromPath[BackupId], call: NamedDependency[Call]
) -> ASGIResponse:
    """Download a backup's file.

    For `pg_restore`, or as Redis's `dump.rdb`. Each download stands in the audit trail.
    """
    row = await _found(call, database_id, backup_id)
    await call.perform(call.handler.handle(NoteDownload(backup_id=backup_id), call.context))
    file = await asyncio.to_thread(_opened, Places(call.parts.settings.data_dir).backup(backup_id))
    headers = {
        "Content-Disposition": f'attachment; filename="{row.database_name}-{row.created_at:%Y%m%dT%H%M%SZ}'
        f'.{SUFFIX[row.engine]}"',
        "Content-Length": str(row.size_bytes),
        "Cache-Control": "no-store",
    }
    return Sending("application/octet-stream", _pieces(file), headers)


@delete(BACKUP, opt={NEEDS: Access.ADMIN})
async def delete_backup(
    database_id: FromPath[DatabaseId], backup_id: FromPath[BackupId], call: NamedDependency[Call]
) -> None:
    """Delete a backup."""
    await _found(call, database_id, backup_id)
    await call.perform(call.handler.handle(DeleteBackup(backup_id=backup_id), call.context, request=call.request))


async def _restored_anew(call: Call, row: BackupRow, name: str) -> Answer[DatabaseOut]:
    """Make a database like the one that the backup is of."""
    like = await databases.find(call.reader, call.tenant, row.database_id)
    database_id = DatabaseId(call.new("database"))
    command = CreateDatabase(
        database_id=database_id,
        name=name,
        engine=row.engine,
        isolation=like.isolation if like else Isolation.INSTANCE,
        memory_mb=like.memory_mb if like else MEMORY_MB,
        restored_from=row.id,
    )
    await call.perform(attaching.create_database(call.handler, call.parts.vault, call.context, command, call.request))
    return await shown_database(call, database_id, status=202)


async def _found(call: Call, database_id: DatabaseId, backup_id: BackupId) -> BackupRow:
    row = await backups.find(call.reader, call.tenant, backup_id)
    return existing(row if row and row.database_id == database_id else None, "backup")


async def _shown(call: Call, database_id: DatabaseId, backup_id: BackupId, *, status: int = 200) -> Answer[BackupOut]:
    row = await _found(call, database_id, backup_id)
    return call.shown(row.revision, words.databases.backup(row), status=status)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise Conflict("The backup's file is not on the machine that answers.", code="elsewhere") from None


async def _pieces(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    """The file, read as fast as it is taken."""
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece


ROUTES = [
    list_all_backups,
    list_backups,
    create_backup,
    show_backup,
    verify_backup,
    restore_backup,
    download_backup,
    delete_backup,
]
