"""Managed databases."""

from collections.abc import Sequence
from typing import Annotated

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from adapters.due_times import require_cron
from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.wire.databases import (
    AttachmentCreation,
    DatabaseCreation,
    DatabaseOut,
    Detachment,
    ScheduleIn,
    ScheduleOut,
)
from adapters.http.paging import Asked, Listing
from commands import attaching
from commands.database import (
    CreateDatabase,
    DeleteDatabase,
    RemoveBackupSchedule,
    SetBackupSchedule,
    StartDatabase,
    StopDatabase,
)
from domain.access import Access
from domain.database import BackupSchedule
from domain.identifiers import BackupId, DatabaseId
from projections import databases, environments
from projections.databases import DatabaseRow

DATABASES = "/tenants/{tenant_id:str}/databases"
DATABASE = DATABASES + "/{database_id:str}"
SCHEDULE = DATABASE + "/backup-schedule"


@get(DATABASES)
async def list_databases(call: NamedDependency[Call], asked: NamedDependency[Asked]) -> Listing[DatabaseOut]:
    """List the workspace's databases by name."""
    page = await databases.listing(call.reader, call.tenant, asked.paging)
    shown = {one.id: one for one in await _worded(call, page.rows)}
    return call.listed(page, asked, lambda row: shown[row.id])


@post(DATABASES, opt={NEEDS: Access.DEVELOP})
async def create_database(data: JSONBody[DatabaseCreation], call: NamedDependency[Call]) -> Answer[DatabaseOut]:
    """Make a database.

    It is made within seconds: its status goes from `creating` to `running`. Its address reaches applications by
    `attach`; nobody is told its password.
    """
    database_id = DatabaseId(call.new("database"))
    command = CreateDatabase(
        database_id=database_id,
        name=data.name,
        engine=data.engine,
        isolation=data.isolation,
        memory_mb=data.memory_mb,
    )
    await call.perform(attaching.create_database(call.handler, call.parts.vault, call.context, command, call.request))
    return await shown_database(call, database_id, status=201)


@get(DATABASE)
async def show_database(database_id: FromPath[DatabaseId], call: NamedDependency[Call]) -> Answer[DatabaseOut]:
    """Show a database: how to connect, its size and health, and who has its address."""
    return await shown_database(call, database_id)


@post(DATABASE + "/start", status_code=202, opt={NEEDS: Access.DEPLOY})
async def start_database(database_id: FromPath[DatabaseId], call: NamedDependency[Call]) -> Answer[DatabaseOut]:
    """Start a database, at the port that it had."""
    command = StartDatabase(database_id=database_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    return await shown_database(call, database_id, status=202)


@post(DATABASE + "/stop", status_code=202, opt={NEEDS: Access.DEPLOY})
async def stop_database(database_id: FromPath[DatabaseId], call: NamedDependency[Call]) -> Answer[DatabaseOut]:
    """Stop a database.

    What it holds is kept, and so is its port. Applications that have its address cannot connect until it is started.
    """
    command = StopDatabase(database_id=database_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    return await shown_database(call, database_id, status=202)


@post(DATABASE + "/attach", status_code=200, opt={NEEDS: Access.DEVELOP})
async def attach_database(
    database_id: FromPath[DatabaseId], data: JSONBody[AttachmentCreation], call: NamedDependency[Call]
) -> Answer[DatabaseOut]:
    """Attach a database to an environment.

    Its address becomes a secret of the environment, `DATABASE_URL` unless another name is wanted. The next release gets
    it.
    """
    row = existing(await environments.find(call.reader, call.tenant, data.environment_id), "environment")
    await call.perform(
        attaching.attach(
            call.handler,
            call.parts.vault,
            call.context,
            database_id=database_id,
            project_id=row.project_id,
            environment_id=data.environment_id,
            variable=data.variable,
            prefix=data.prefix,
            request=call.request,
        )
    )
    return await shown_database(call, database_id)


@post(DATABASE + "/detach", status_code=200, opt={NEEDS: Access.DEVELOP})
async def detach_database(
    database_id: FromPath[DatabaseId], data: JSONBody[Detachment], call: NamedDependency[Call]
) -> Answer[DatabaseOut]:
    """Detach a database from an environment.

    The secret is removed; the environment's next release does without.
    """
    await call.perform(
        attaching.detach(
            call.handler,
            call.context,
            database_id=database_id,
            environment_id=data.environment_id,
            variable=data.variable,
            request=call.request,
        )
    )
    return await shown_database(call, database_id)


@delete(DATABASE, status_code=202, opt={NEEDS: Access.ADMIN})
async def delete_database(
    database_id: FromPath[DatabaseId],
    call: NamedDependency[Call],
    confirm: Annotated[str, QueryParameter(max_length=40, description="The database's name, so that it is this one.")],
    detach: Annotated[bool, QueryParameter(description="Detach it from all environments first.")] = False,
    keep_backup: Annotated[
        bool, QueryParameter(name="keepBackup", description="Make a last backup, which outlives it.")
    ] = False,
) -> Answer[DatabaseOut]:
    """Delete a database, with all that it holds and with its backups.

    Only a last backup stays, where one is asked for; if that fails, so does the deletion.
    """
    command = DeleteDatabase(
        database_id=database_id,
        confirm=confirm,
        detach=detach,
        last_backup_id=BackupId(call.new("last backup")) if keep_backup else None,
    )
    row = existing(await databases.find(call.reader, call.tenant, database_id), "database")
    work = attaching.delete_database(call.handler, call.parts.handler, call.context, command, call.request)
    await call.perform(work)
    return await _shown(call, await databases.find(call.reader, call.tenant, database_id) or row, status=202)


@get(SCHEDULE)
async def show_backup_schedule(database_id: FromPath[DatabaseId], call: NamedDependency[Call]) -> Answer[ScheduleOut]:
    """Show when backups are made by themselves."""
    row = existing(await databases.find(call.reader, call.tenant, database_id), "database")
    found = existing(row.schedule, "backup schedule")
    return call.shown(row.revision, words.databases.schedule(found, call.parts.clock.now()))


@put(SCHEDULE, opt={NEEDS: Access.DEVELOP})
async def set_backup_schedule(
    database_id: FromPath[DatabaseId], data: JSONBody[ScheduleIn], call: NamedDependency[Call]
) -> Answer[ScheduleOut]:
    """Let backups be made by themselves.

    Of those that a schedule made, the newest `keepCount` stay, for `keepDays` days; others stay until they are deleted.
    """
    require_cron("cron", data.cron)
    schedule = BackupSchedule(
        cron=data.cron,
        time_zone=data.time_zone,
        keep_count=data.keep_count,
        keep_days=data.keep_days,
        verify=data.verify,
    )
    command = SetBackupSchedule(database_id=database_id, schedule=schedule)
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    row = existing(await databases.find(call.reader, call.tenant, database_id), "database")
    return call.shown(row.revision, words.databases.schedule(schedule, call.parts.clock.now()))


@delete(SCHEDULE, opt={NEEDS: Access.DEVELOP})
async def remove_backup_schedule(database_id: FromPath[DatabaseId], call: NamedDependency[Call]) -> None:
    """Let no more backups be made by themselves.

    Those that there are stay.
    """
    command = RemoveBackupSchedule(database_id=database_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


async def shown_database(call: Call, database_id: DatabaseId, *, status: int = 200) -> Answer[DatabaseOut]:
    """A database as an answer."""
    return await _shown(
        call, existing(await databases.find(call.reader, call.tenant, database_id), "database"), status=status
    )


async def _shown(call: Call, row: DatabaseRow, *, status: int) -> Answer[DatabaseOut]:
    [shown] = await _worded(call, [row])
    return call.shown(row.revision, shown, status=status)


async def _worded(call: Call, rows: Sequence[DatabaseRow]) -> list[DatabaseOut]:
    """Databases with their attachments and measurements, asked for together."""
    ids = [row.id for row in rows]
    attachments = await databases.attachments(call.reader, ids)
    measured = await call.parts.measurements.of(ids)
    now = call.parts.clock.now()
    return [
        words.databases.database(
            row, [one for one in attachments if one.database_id == row.id], measured.get(row.id), now
        )
        for row in rows
    ]


ROUTES = [
    list_databases,
    create_database,
    show_database,
    start_database,
    stop_database,
    attach_database,
    detach_database,
    delete_database,
    show_backup_schedule,
    set_backup_schedule,
    remove_backup_schedule,
]
