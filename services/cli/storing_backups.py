"""Backups: making, verifying, restoring and downloading them."""

from hashlib import sha256
from pathlib import Path

from adapters.http.native.wire.databases import (
    BackupCreation,
    BackupOut,
    DatabaseOut,
    Restoration,
    ScheduleIn,
    ScheduleOut,
)
from domain.backup import Status
from services.cli import finding
from services.cli.session import Session
from services.cli.storing import database, waited
from services.console import age, size
from services.exits import CommandFailed, Exit, WrongUsage

CHUNK = 1 << 20


def listing(session: Session, wanted: str | None) -> int:
    """The backups of the workspace, or of one database."""
    only = database(session, wanted).id if wanted else None
    found = session.listed(BackupOut, "backups", databaseId=only)
    session.console.document(found)
    session.console.table(
        ("ID", "DATABASE", "ORIGIN", "STATUS", "SIZE", "MADE", "HOLDS"),
        [
            (
                one.id,
                one.database_name,
                one.origin,
                f"{one.status}{': ' + one.error if one.error else ''}",
                "" if one.size_bytes is None else size(one.size_bytes),
                age(one.created_at),
                one.found or "",
            )
            for one in found
        ],
        empty="There is no backup. Make one: shipbook backups create DATABASE",
    )
    return Exit.OK


def create(session: Session, wanted: str, note: str | None, *, verify: bool, wait: bool) -> int:
    """Make a backup."""
    found = database(session, wanted)
    creation = BackupCreation(note=note, verify=verify)
    made = session.client.post(session.path("databases", found.id, "backups"), creation, BackupOut)
    return _shown(session, _until(session, made, verified=verify) if wait else made)


def verify(session: Session, wanted: str, backup: str, *, wait: bool) -> int:
    """See that a backup can be restored."""
    found = _backup(session, wanted, backup)
    asked = session.client.post(_path(session, found, "verify"), None, BackupOut)
    return _shown(session, _until(session, asked, verified=True) if wait else asked)


def restore(session: Session, wanted: str, backup: str, into: str | None, name: str | None, *, wait: bool) -> int:
    """Restore a backup."""
    if (into is None) == (name is None):
        raise WrongUsage(
            "Say where to: --as NAME makes a database for it, --into DATABASE replaces what that one holds."
        )
    found = _backup(session, wanted, backup)
    target = database(session, into).id if into else None
    body = Restoration(database_id=target, name=name)
    asked = session.client.post(_path(session, found, "restore"), body, DatabaseOut)
    done = waited(session, f"{asked.name} takes the backup…", lambda: _restored(session, asked)) if wait else asked
    session.console.document(done)
    session.console.say(f"{done.name} holds the backup of {age(found.created_at)}." if wait else "It is under way.")
    return Exit.OK


def download(session: Session, wanted: str, backup: str, output: Path) -> int:
    """Write a backup's file, whole or not at all."""
    found = _backup(session, wanted, backup)
    growing = output.with_name(f".{output.name}.part")
    try:
        with growing.open("wb") as file:
            count = sum(file.write(piece) for piece in session.client.download(_path(session, found, "download")))
        if _digest(growing) != found.sha256:
            raise CommandFailed("What came is not the whole backup: its digest is another one. Try again.")
        growing.replace(output)
    finally:
        growing.unlink(missing_ok=True)
    session.console.document({"file": str(output), "bytes": count, "sha256": found.sha256})
    session.console.say(f"{output} holds the backup, {size(count)}.")
    return Exit.OK


def remove(session: Session, wanted: str, backup: str) -> int:
    """Delete a backup."""
    found = _backup(session, wanted, backup)
    session.client.delete(_path(session, found))
    session.console.document({"removed": found.id})
    session.console.say("The backup is being deleted.")
    return Exit.OK


def schedule(
    session: Session, wanted: str, cron: str | None, time_zone: str, keep: int, days: int, *, verify: bool
) -> int:
    """Show a schedule, or set it."""
    path = session.path("databases", database(session, wanted).id, "backup-schedule")
    if cron is None:
        found = session.client.get(path, ScheduleOut)
    else:
        body = ScheduleIn(cron=cron, time_zone=time_zone, keep_count=keep, keep_days=days, verify=verify)
        found = session.client.put(path, body, ScheduleOut)
    session.console.document(found)
    kept = f"the newest {found.keep_count} are kept, for {found.keep_days} days"
    session.console.say(
        f"Backups at '{found.cron}' ({found.time_zone}); the next at {found.next_at:%F %H:%M} UTC; {kept}."
    )
    return Exit.OK


def unschedule(session: Session, wanted: str) -> int:
    """Remove a schedule."""
    found = database(session, wanted)
    session.client.delete(session.path("databases", found.id, "backup-schedule"))
    session.console.document({"unscheduled": found.name})
    session.console.say(f"No more backups of {found.name} are made by themselves.")
    return Exit.OK


def _backup(session: Session, of: str, wanted: str) -> BackupOut:
    """A database's backup by its id, or how that begins; or the newest good one. The database may be gone."""
    among = [one for one in session.each(BackupOut, "backups") if of in {one.database_name, one.database_id}]
    if not among:
        raise WrongUsage(f"There is no backup of {of}. `shipbook backups list` shows all.")
    if wanted != "latest":
        return finding.chosen(wanted, among, lambda one: (one.id,), f"backup of {of}")
    good = next((one for one in among if one.sha256 is not None), None)
    if good is None:
        raise WrongUsage(f"No backup of {of} is done yet. `shipbook backups list` shows how they stand.")
    return good


def _path(session: Session, found: BackupOut, *parts: str) -> str:
    return session.path("databases", found.database_id, "backups", found.id, *parts)


def _shown(session: Session, found: BackupOut) -> int:
    session.console.document(found)
    holds = f", which holds {found.found}" if found.found else ""
    session.console.say(f"The backup {found.id} is {found.status}{holds}.")
    return Exit.OK


def _until(session: Session, asked: BackupOut, *, verified: bool) -> BackupOut:
    def look() -> BackupOut | None:
        seen = session.client.get(_path(session, asked), BackupOut)
        if seen.status is Status.FAILED:
            raise CommandFailed(f"The backup failed: {seen.error}")
        wanted = {Status.VERIFIED} if verified else {Status.DONE, Status.VERIFYING, Status.VERIFIED}
        return seen if seen.status in wanted else None

    return waited(session, f"{asked.database_name} is backed up…", look)


def _restored(session: Session, asked: DatabaseOut) -> DatabaseOut | None:
    seen = session.get(DatabaseOut, "databases", asked.id)
    restore = seen.restore
    problem = seen.error or (restore.error if restore else None)
    if problem:
        raise CommandFailed(f"The backup was not restored: {problem}")
    return seen if restore and restore.status == "done" else None


def _digest(file: Path) -> str:
    known = sha256()
    with file.open("rb") as stream:
        while piece := stream.read(CHUNK):
            known.update(piece)
    return known.hexdigest()
