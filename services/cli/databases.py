"""The commands about managed databases and their backups."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import Environment, Project

if TYPE_CHECKING:
    from services.cli.session import Session

PANEL = "Databases"

databases = new_app("Databases that Shipbook makes, runs and backs up for your applications.")
backups = new_app("Backups of databases: made, kept, verified, restored.")
app.add_typer(databases, name="databases", rich_help_panel=PANEL)
app.add_typer(backups, name="backups", rich_help_panel=PANEL)

DatabaseArgument = Annotated[str, typer.Argument(metavar="DATABASE", help="The database: name or id.")]
BackupArgument = Annotated[str, typer.Argument(metavar="BACKUP", help="An id, or how it begins; latest is the newest.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")]
Variable = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="The variable; else the engine's usual one.")
]


@client_command(databases, "list", None, [("shipbook databases list", "how they stand, and who has them")])
def databases_list(session: "Session") -> int:
    """List the workspace's databases."""
    from services.cli.storing import listing

    return listing(session)


@client_command(
    databases,
    "create",
    None,
    [
        ("shipbook databases create shop", "a PostgreSQL server of its own"),
        ("shipbook databases create notes --shared", "a role and a database in the shared PostgreSQL"),
        ("shipbook databases create cache --engine redis", "a Redis of its own"),
    ],
)
def databases_create(
    session: "Session",
    name: DatabaseArgument,
    engine: Annotated[Literal["postgres", "redis"], typer.Option(help="What serves the data.")] = "postgres",
    shared: Annotated[bool, typer.Option("--shared", help="In the server that databases share.")] = False,
    memory_mb: Annotated[int, typer.Option("--memory", metavar="MB", help="The most that its server may use.")] = 256,
    wait: Wait = True,
) -> int:
    """Make a database, and wait until it runs."""
    from services.cli.storing import create

    return create(session, name, engine, memory_mb, shared=shared, wait=wait)


@client_command(databases, "show", None, [("shipbook databases show shop", "host, port, user; health and size")])
def databases_show(session: "Session", database: DatabaseArgument) -> int:
    """Show a database: how to connect, its health and size, and who has its address."""
    from services.cli.storing import show

    return show(session, database)


@client_command(databases, "start", None, [("shipbook databases start shop", "at the port that it had")])
def databases_start(session: "Session", database: DatabaseArgument, wait: Wait = True) -> int:
    """Start a database."""
    from services.cli.storing import switch

    return switch(session, database, "start", "running", wait=wait)


@client_command(databases, "stop", None, [("shipbook databases stop shop", "what it holds is kept")])
def databases_stop(session: "Session", database: DatabaseArgument, wait: Wait = True) -> int:
    """Stop a database."""
    from services.cli.storing import switch

    return switch(session, database, "stop", "stopped", wait=wait)


@client_command(
    databases,
    "attach",
    None,
    [
        ("shipbook databases attach shop -p web", "as DATABASE_URL; the next deploy gets it"),
        ("shipbook databases attach shop -p web -e staging --as STOCK_URL", "under another name"),
    ],
)
def databases_attach(
    session: "Session",
    database: DatabaseArgument,
    project: Project = None,
    environment: Environment = "production",
    variable: Variable = None,
) -> int:
    """Give an environment the database's address, as a secret."""
    from services.cli.storing import attach

    return attach(session, database, project, environment, variable)


@client_command(databases, "detach", None, [("shipbook databases detach shop -p web", "the next deploy does without")])
def databases_detach(
    session: "Session",
    database: DatabaseArgument,
    project: Project = None,
    environment: Environment = "production",
    variable: Variable = None,
) -> int:
    """Take the database's address back from an environment."""
    from services.cli.storing import detach

    return detach(session, database, project, environment, variable)


@client_command(
    databases,
    "rm",
    None,
    [
        ("shipbook databases rm shop --confirm shop", "with its backups"),
        ("shipbook databases rm shop --confirm shop --keep-backup", "after a last backup, which stays"),
    ],
)
def databases_remove(
    session: "Session",
    database: DatabaseArgument,
    confirm: Annotated[str, typer.Option(metavar="NAME", help="The database's name once more.")],
    detach: Annotated[bool, typer.Option("--detach", help="Detach it from all environments first.")] = False,
    keep_backup: Annotated[bool, typer.Option("--keep-backup", help="Make a last backup, which stays.")] = False,
) -> int:
    """Delete a database, all that it holds, and its backups."""
    from services.cli.storing import remove

    return remove(session, database, confirm, detach=detach, keep_backup=keep_backup)


@client_command(
    backups, "list", None, [("shipbook backups list", "of all databases"), ("shipbook backups list shop", "of one")]
)
def backups_list(
    session: "Session",
    database: Annotated[str | None, typer.Argument(metavar="[DATABASE]", help="Only of this one.")] = None,
) -> int:
    """List backups, the newest first."""
    from services.cli.storing_backups import listing

    return listing(session, database)


@client_command(
    backups,
    "create",
    None,
    [
        ("shipbook backups create shop", "and wait until the file is whole"),
        ("shipbook backups create shop --verify", "and restore it into a scratch database"),
    ],
)
def backups_create(
    session: "Session",
    database: DatabaseArgument,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="See that it can be restored.")] = False,
    wait: Wait = True,
) -> int:
    """Make a backup."""
    from services.cli.storing_backups import create

    return create(session, database, note, verify=verify, wait=wait)


@client_command(
    backups, "verify", None, [("shipbook backups verify shop latest", "restores it into a scratch database")]
)
def backups_verify(session: "Session", database: DatabaseArgument, backup: BackupArgument, wait: Wait = True) -> int:
    """See that a backup can be restored."""
    from services.cli.storing_backups import verify

    return verify(session, database, backup, wait=wait)


@client_command(
    backups,
    "restore",
    None,
    [
        ("shipbook backups restore shop latest --as shop-2", "into a database that is made for it"),
        ("shipbook backups restore shop latest --into staging", "in place of what staging holds"),
        ("shipbook backups restore shop latest --into shop", "back in time, all or nothing"),
    ],
)
def backups_restore(
    session: "Session",
    database: DatabaseArgument,
    backup: BackupArgument,
    into: Annotated[str | None, typer.Option(metavar="DATABASE", help="Replace what this one holds.")] = None,
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Make a database of this name.")] = None,
    wait: Wait = True,
) -> int:
    """Restore a backup, into a database that there is or into one that is made for it."""
    from services.cli.storing_backups import restore

    return restore(session, database, backup, into, name, wait=wait)


@client_command(backups, "download", None, [("shipbook backups download shop latest -o shop.pgdump", "for pg_restore")])
def backups_download(
    session: "Session",
    database: DatabaseArgument,
    backup: BackupArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
) -> int:
    """Download a backup's file; its digest is checked."""
    from services.cli.storing_backups import download

    return download(session, database, backup, output)


@client_command(backups, "rm", None, [("shipbook backups rm shop 0190c2", "the one whose id begins so")])
def backups_remove(session: "Session", database: DatabaseArgument, backup: BackupArgument) -> int:
    """Delete a backup."""
    from services.cli.storing_backups import remove

    return remove(session, database, backup)


@client_command(
    backups,
    "schedule",
    None,
    [
        ("shipbook backups schedule shop", "show it"),
        ("shipbook backups schedule shop '0 3 * * *' --time-zone Europe/Berlin --keep 14", "each night at three"),
        ("shipbook backups schedule shop --off", "no more by themselves"),
    ],
)
def backups_schedule(
    session: "Session",
    database: DatabaseArgument,
    cron: Annotated[str | None, typer.Argument(metavar="[CRON]", help="Minute, hour, day, month, weekday.")] = None,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Such as Europe/Berlin.")] = "UTC",
    keep: Annotated[int, typer.Option(metavar="N", help="How many stay.")] = 7,
    days: Annotated[int, typer.Option(metavar="DAYS", help="For how long they stay.")] = 30,
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Verify each.")] = True,
    off: Annotated[bool, typer.Option("--off", help="Make no more by themselves.")] = False,
) -> int:
    """Show, set or remove the times at which backups are made by themselves."""
    from services.cli.storing_backups import schedule, unschedule

    if off:
        return unschedule(session, database)
    return schedule(session, database, cron, time_zone, keep, days, verify=verify)
