"""Makes, verifies and deletes the backups of this machine's databases. Only a whole file on the disk is done."""

import asyncio
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

import structlog

from adapters.databases.engine import EngineFailed, Order
from adapters.databases.ports import free_port
from adapters.runtime.sandbox import remove_tree
from commands import backup
from commands.backup import (
    CompleteBackup,
    FailBackup,
    ReportBackupDeleted,
    ReportVerificationFailed,
    ReportVerified,
    StartBackup,
    require_backup,
    require_file,
)
from commands.command import Command
from commands.database_checks import require_database
from commands.ports import SecretValue
from domain.backup import Backup, Status
from domain.database import Isolation
from domain.identifiers import BackupId, TenantId
from domain.rejection import Rejection
from projections.backups import BackupRow
from services.database_grounds import Grounds

log = structlog.get_logger(__name__)

AT_ONCE = 2
"""So many backups are made or verified side by side."""
CHUNK = 1 << 20
SCRATCH = "scratch-"
"""What the names of scratch databases begin with."""
SCRATCH_MEMORY_MB = 512


@dataclass
class BackingUp:
    """What is done for one backup at a time; who calls sees to it that nobody else works on the same one."""

    grounds: Grounds
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def attend(self, row: BackupRow) -> None:
        """Do what the backup waits for."""
        async with self._turns:
            state = await self.grounds.backup(row.tenant_id, row.id)
            match state.status:
                case Status.QUEUED:
                    await self._make(row.tenant_id, row.id, state)
                case Status.RUNNING:
                    await self._discard(row.tenant_id, row.id, "It was cut off before the whole file was on the disk.")
                case Status.VERIFYING:
                    await self._verify(row.tenant_id, row.id, state)
                case Status.DELETING:
                    await asyncio.to_thread(remove_tree, self._file(row.id).parent)
                    await self._report(row.tenant_id, ReportBackupDeleted(backup_id=row.id))
                case _:
                    log.debug("a backup waits for nothing", backup=row.id)

    async def whole(self, tenant_id: TenantId, backup_id: BackupId) -> Path:
        """The file of a backup, whose digest is what it was. Raises ``EngineFailed``."""
        try:
            completed = require_file(await self.grounds.backup(tenant_id, backup_id))
        except Rejection as refused:
            raise EngineFailed(refused.message) from refused
        file = self._file(backup_id)
        try:
            digest = await asyncio.to_thread(digested, file)
        except OSError as problem:
            raise EngineFailed(f"The backup's file cannot be read: {problem.strerror}.") from problem
        if digest != completed.sha256:
            raise EngineFailed("The backup's file is not the one that was made: its digest is another one.")
        return file

    async def _make(self, tenant_id: TenantId, backup_id: BackupId, state: Backup) -> None:
        await self._report(tenant_id, StartBackup(backup_id=backup_id))
        place = await asyncio.to_thread(self.grounds.servers.workplace, f"backup-{backup_id}")
        try:
            file = await self._dumped(tenant_id, state, place)
            size, digest = await asyncio.to_thread(_kept, file, self._file(backup_id))
        except (EngineFailed, Rejection, OSError) as problem:
            log.warning("a backup failed", backup=backup_id, why=str(problem))
            await self._discard(tenant_id, backup_id, str(problem))
        else:
            await self._report(tenant_id, CompleteBackup(backup_id=backup_id, size_bytes=size, sha256=digest))
        finally:
            await asyncio.shield(asyncio.to_thread(remove_tree, place))

    async def _dumped(self, tenant_id: TenantId, state: Backup, place: Path) -> Path:
        found = await self.grounds.state(tenant_id, require_backup(state).database_id)
        created = require_database(found)
        if found.placed is None or found.placed.machine != self.grounds.machine.id:
            raise EngineFailed("The database is not on this machine.")
        order = await self.grounds.order(tenant_id, found, found.placed)
        return await self.grounds.engine(created).dump(order, place)

    async def _verify(self, tenant_id: TenantId, backup_id: BackupId, state: Backup) -> None:
        """Restore it into an empty server of its own, look what is there, and leave nothing of that."""
        report: Command
        try:
            found = await self._found(tenant_id, backup_id, state)
            report = ReportVerified(backup_id=backup_id, found=found)
        except EngineFailed as problem:
            report = ReportVerificationFailed(backup_id=backup_id, error=str(problem))
        await self._report(tenant_id, report)

    async def _found(self, tenant_id: TenantId, backup_id: BackupId, state: Backup) -> str:
        file = await self.whole(tenant_id, backup_id)
        order = Order(
            id=f"{SCRATCH}{backup_id}",
            database="scratch",
            user="scratch",
            password=SecretValue(token_urlsafe(24)),
            port=free_port(),
            memory_mb=SCRATCH_MEMORY_MB,
            scratch=True,
        )
        engine = self.grounds.engines[require_backup(state).engine, Isolation.INSTANCE]
        try:
            await engine.start(order)
            await engine.restore(order, file, backup_id)
            return await engine.found(order)
        finally:
            await asyncio.shield(engine.remove(order))

    async def _discard(self, tenant_id: TenantId, backup_id: BackupId, error: str) -> None:
        await asyncio.to_thread(remove_tree, self._file(backup_id).parent)
        await self._report(tenant_id, FailBackup(backup_id=backup_id, error=error))

    def _file(self, backup_id: BackupId) -> Path:
        return self.grounds.places.backup(backup_id)

    async def _report(self, tenant_id: TenantId, command: Command) -> None:
        identity: BackupId = command.backup_id  # type: ignore[attr-defined]  # each command of a backup names it
        await self.grounds.report(tenant_id, backup.DECIDER, identity, command)


def _kept(file: Path, place: Path) -> tuple[int, str]:
    """Put a finished file in its place and on the disk; its length in bytes, and its SHA-256.

    Raises ``EngineFailed`` where it is empty.
    """
    if not file.is_file() or file.is_symlink() or not (size := file.stat().st_size):
        raise EngineFailed("The backup's file is empty.")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = digested(file, sync=True)
    file.replace(place)
    for directory in (place.parent, place.parent.parent):
        _sync(directory)
    return size, digest


def digested(file: Path, *, sync: bool = False) -> str:
    """The SHA-256 of a file in hexadecimal digits; with ``sync`` the file is on the disk afterwards."""
    known = sha256()
    with file.open("rb") as stream:
        while piece := stream.read(CHUNK):
            known.update(piece)
        if sync:
            os.fsync(stream.fileno())
    return known.hexdigest()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
