"""Managed databases: making, watching, attaching and deleting them."""

import time
from collections.abc import Callable
from typing import TypeVar

from adapters.http.native.wire.databases import AttachmentCreation, DatabaseCreation, DatabaseOut, Detachment
from domain.database import Engine, Isolation, Status
from services.cli import finding
from services.cli.session import Session
from services.console import age, size
from services.exits import CommandFailed, Exit

T = TypeVar("T")

LONGEST_SECONDS = 600.0
POLL_SECONDS = 0.2


def listing(session: Session) -> int:
    """The databases of the workspace."""
    found = session.listed(DatabaseOut, "databases")
    session.console.document(found)
    session.console.table(
        ("NAME", "ENGINE", "ISOLATION", "STATUS", "HEALTH", "SIZE", "ATTACHED AS"),
        [
            (
                one.name,
                f"{one.engine} {one.version}",
                one.isolation,
                one.status,
                one.health.state,
                "" if one.size_bytes is None else size(one.size_bytes),
                ", ".join(sorted({each.variable for each in one.attachments})),
            )
            for one in found
        ],
        empty="There is no database. Make one: shipbook databases create NAME",
    )
    return Exit.OK


def create(session: Session, name: str, engine: str, memory_mb: int, *, shared: bool, wait: bool) -> int:
    """Make a database."""
    isolation = Isolation.SHARED if shared else Isolation.INSTANCE
    creation = DatabaseCreation(name=name, engine=Engine(engine), isolation=isolation, memory_mb=memory_mb)
    made = session.client.post(session.path("databases"), creation, DatabaseOut)
    made = until(session, made, Status.RUNNING) if wait else made
    session.console.document(made)
    session.console.say(f"{made.name} is {made.status}. Attach it: shipbook databases attach {made.name} -p PROJECT")
    return Exit.OK


def show(session: Session, wanted: str) -> int:
    """One database."""
    found = database(session, wanted)
    session.console.document(found)
    rows = [("name", found.name), ("engine", f"{found.engine} {found.version}, {found.isolation}")]
    rows += [("status", f"{found.status}{': ' + found.error if found.error else ''}")]
    if found.connection:
        place = found.connection
        rows += [("address", f"{place.host}:{place.port}"), ("user", place.user), ("database", place.database)]
    rows += [("health", f"{found.health.state} {found.health.message or ''}".strip())]
    rows += [("size", "" if found.size_bytes is None else size(found.size_bytes))]
    rows += [("attached", f"{one.variable} of environment {one.environment_id}") for one in found.attachments]
    if found.restore:
        rows += [("restore", f"{found.restore.status} {found.restore.error or age(found.restore.finished_at)}")]
    session.console.table(("", ""), rows, empty="")
    return Exit.OK


def switch(session: Session, wanted: str, action: str, status: str, *, wait: bool) -> int:
    """Start or stop a database."""
    found = database(session, wanted)
    asked = session.client.post(session.path("databases", found.id, action), None, DatabaseOut)
    asked = until(session, asked, Status(status)) if wait else asked
    session.console.document(asked)
    session.console.say(f"{asked.name} is {asked.status}.")
    return Exit.OK


def attach(session: Session, wanted: str, project: str | None, environment: str, variable: str | None) -> int:
    """Give an environment the address."""
    found, owner = database(session, wanted), finding.project(session, project)
    place = finding.environment(owner, environment)
    body = AttachmentCreation(environment_id=place.id, variable=variable)
    done = session.client.post(session.path("databases", found.id, "attach"), body, DatabaseOut)
    session.console.document(done)
    names = ", ".join(one.variable for one in done.attachments if one.environment_id == place.id)
    session.console.say(f"{owner.slug}'s {place.name} has {found.name} as {names}, from its next deployment on.")
    return Exit.OK


def detach(session: Session, wanted: str, project: str | None, environment: str, variable: str | None) -> int:
    """Take the address back."""
    found, owner = database(session, wanted), finding.project(session, project)
    place = finding.environment(owner, environment)
    body = Detachment(environment_id=place.id, variable=variable)
    done = session.client.post(session.path("databases", found.id, "detach"), body, DatabaseOut)
    session.console.document(done)
    session.console.say(f"{owner.slug}'s {place.name} does without {found.name}, from its next deployment on.")
    return Exit.OK


def remove(session: Session, wanted: str, confirm: str, *, detach: bool, keep_backup: bool) -> int:
    """Delete a database."""
    found = database(session, wanted)
    session.client.delete(
        session.path("databases", found.id),
        confirm=confirm,
        detach=str(detach).lower(),
        keepBackup=str(keep_backup).lower(),
    )
    session.console.document({"removed": found.name, "id": found.id})
    session.console.say(f"{found.name} is being deleted." + (" A last backup is made before." if keep_backup else ""))
    return Exit.OK


def database(session: Session, wanted: str) -> DatabaseOut:
    """The database by name or id. Raises WrongUsage."""
    return finding.chosen(wanted, session.each(DatabaseOut, "databases"), lambda one: (one.name, one.id), "database")


def until(session: Session, found: DatabaseOut, status: Status) -> DatabaseOut:
    """The database once it has this status. Raises CommandFailed where it fails."""

    def look() -> DatabaseOut | None:
        seen = session.get(DatabaseOut, "databases", found.id)
        if seen.status is Status.FAILED:
            raise CommandFailed(f"{seen.name} failed: {seen.error}")
        return seen if seen.status is status else None

    return waited(session, f"{found.name} is to be {status}…", look)


def waited(session: Session, what: str, look: Callable[[], T | None]) -> T:
    """What ``look`` finds, once it does. Raises CommandFailed where that takes too long."""
    deadline = time.monotonic() + LONGEST_SECONDS
    with session.console.waiting(what):
        while time.monotonic() < deadline:
            if (seen := look()) is not None:
                return seen
            time.sleep(POLL_SECONDS)
    raise CommandFailed(f"Not within {LONGEST_SECONDS:g} s: {what} It goes on by itself; look again later.")
