"""Managed databases and their backups."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from adapters.http.native.wire.shapes import In, Out, said
from domain import backup
from domain.database import Engine, Isolation, Status
from domain.identifiers import BackupId, DatabaseId, EnvironmentId, ProjectId, SecretId

DatabaseName = Annotated[
    str, said("1 to 40 of a-z, 0-9 and '-'; begins with a letter. Unique in the workspace.", "shop")
]
Variable = Annotated[
    str | None, said("The secret's name; else DATABASE_URL, or REDIS_URL for redis.", "ANALYTICS_DATABASE_URL")
]


class DatabaseCreation(In):
    """Make a database. Its password is made by Shipbook, and shown to nobody: attach it to environments."""

    name: DatabaseName
    engine: Annotated[Engine, said("What serves the data; redis is Valkey.")] = Engine.POSTGRES
    isolation: Annotated[
        Isolation, said("instance: a server of its own. shared: a role and a database of its own in a shared server.")
    ] = Isolation.INSTANCE
    memory_mb: Annotated[
        int, Meta(description="The most that a server of its own may use, in MB: 128 to 16384.", examples=[256])
    ] = 256


class AttachmentCreation(In):
    """Give an environment the database's address. The environment's next release gets it."""

    environment_id: EnvironmentId
    variable: Variable = None
    prefix: Annotated[str | None, said("Put before the usual name.", "ANALYTICS_")] = None


class Detachment(In):
    """Take the address back. Releases that were made with it keep it until they are replaced."""

    environment_id: EnvironmentId
    variable: Annotated[str | None, said("Only this secret; else all that the environment has of it.")] = None


class AttachmentOut(Out):
    """An environment that has the database's address in a secret."""

    project_id: ProjectId
    environment_id: EnvironmentId
    secret_id: SecretId
    variable: str
    attached_at: datetime


class AddressOut(Out):
    """How applications of this plane reach it. The password is only in the secrets of attached environments."""

    host: str
    port: int
    user: str
    database: str
    password_in: Annotated[list[str], said("The secrets that hold the whole address.", "DATABASE_URL")]


class HealthOut(Out):
    """What the database said when it was last asked, which happens every ten seconds."""

    state: Literal["healthy", "unhealthy", "unknown"]
    message: str | None
    checked_at: datetime | None


class RestoreOut(Out):
    """The last restore into this database. One that failed has left it as it was."""

    status: Literal["running", "done", "failed"]
    backup_id: BackupId | None
    error: str | None
    finished_at: datetime | None


class DatabaseOut(Out):
    """A managed database. ``connection`` is null until a machine has taken it on."""

    id: DatabaseId
    name: str
    engine: Engine
    isolation: Isolation
    version: str
    status: Status
    error: str | None
    memory_mb: int
    connection: AddressOut | None
    attachments: list[AttachmentOut]
    size_bytes: int | None
    connections: int | None
    health: HealthOut
    restore: RestoreOut | None
    created_at: datetime
    created_by: str
    updated_at: datetime


class BackupCreation(In):
    """Make a backup now."""

    note: Annotated[str | None, said("For people; at most 500 characters.", "before the new prices")] = None
    verify: Annotated[bool, Meta(description="Restore it into a scratch database as soon as it is made.")] = False


class BackupOut(Out):
    """A backup. ``sizeBytes`` and ``sha256`` come with ``done``: a backup that failed never has that status."""

    id: BackupId
    database_id: DatabaseId
    database_name: str
    engine: Engine
    origin: backup.Origin
    note: str | None
    status: backup.Status
    error: str | None
    size_bytes: int | None
    sha256: str | None
    found: Annotated[str | None, said("What a scratch database held after it.", "12 tables and 3400 rows")]
    created_at: datetime
    created_by: str
    completed_at: datetime | None
    verified_at: datetime | None


class Restoration(In):
    """Restore a backup: into the database that it is of, into ``databaseId``, or into another one called ``name``."""

    database_id: DatabaseId | None = None
    name: Annotated[str | None, said("Make another database of this name with what the backup holds.", "shop-2")] = None


class ScheduleIn(In):
    """When backups are made by themselves. Of those the newest ``keepCount`` stay, for ``keepDays`` days."""

    cron: Annotated[str, said("Minute, hour, day of month, month, day of week.", "0 3 * * *")]
    time_zone: Annotated[str, said("An IANA time zone.", "Europe/Berlin")] = "UTC"
    keep_count: Annotated[int, Meta(description="1 to 1000.")] = 7
    keep_days: Annotated[int, Meta(description="1 to 3650. The newest good one stays in any case.")] = 30
    verify: Annotated[bool, Meta(description="Restore each into a scratch database.")] = True


class ScheduleOut(Out):
    """When backups are made by themselves, and when the next one is."""

    cron: str
    time_zone: str
    keep_count: int
    keep_days: int
    verify: bool
    next_at: datetime
