"""Asking for backups, and for what they hold: what it takes from the database at this moment."""

from commands import backup, database
from commands.backup import RequestBackup, require_backup, require_file
from commands.database import RestoreDatabase
from commands.database_checks import require_database, require_placed, require_running
from commands.handling import Caused, Handler
from commands.ports import Request
from domain.backup import Origin
from domain.history import Context
from domain.identifiers import BackupId, DatabaseId
from domain.rejection import Conflict


async def request_backup(
    handler: Handler,
    context: Context,
    *,
    backup_id: BackupId,
    database_id: DatabaseId,
    origin: Origin,
    verify: bool = False,
    note: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Ask for a backup. Raises ``Conflict`` where the database does not run; asked twice, there is one backup."""
    if caused := await handler.replay(backup.DECIDER, backup_id, context, request):
        return caused
    state = await handler.state(database.DECIDER, database_id, context.tenant_id)
    created = require_database(state)
    placed = state.placed if origin is Origin.LAST and state.placed else require_running(state)
    command = RequestBackup(
        backup_id=backup_id,
        database_id=database_id,
        database_name=created.name,
        engine=created.engine,
        machine=placed.machine,
        origin=origin,
        verify=verify,
        note=note,
    )
    return await handler.handle(command, context, request=request)


async def restore(
    handler: Handler,
    context: Context,
    *,
    database_id: DatabaseId,
    backup_id: BackupId,
    request: Request | None = None,
) -> Caused:
    """Replace what a database holds by a backup, of it or of another one. Raises ``Conflict`` where that cannot be."""
    if caused := await handler.replay(database.DECIDER, database_id, context, request):
        return caused
    source = await handler.state(backup.DECIDER, backup_id, context.tenant_id)
    require_file(source)
    state = await handler.state(database.DECIDER, database_id, context.tenant_id)
    made, placed = require_backup(source), require_placed(state)
    if made.engine is not require_database(state).engine:
        raise Conflict("The backup is one of another engine.", code="another_engine")
    if made.machine != placed.machine:
        raise Conflict("The backup lies on another machine. Download it, and load it from there.", code="elsewhere")
    return await handler.handle(RestoreDatabase(database_id=database_id, backup_id=backup_id), context, request=request)
