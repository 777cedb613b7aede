"""How long things are kept, and pinning releases."""

from adapters.http.native.wire.deployments import ReleaseOut
from adapters.http.native.wire.releases import Pinning
from adapters.http.native.wire.retention import RetentionIn, RetentionOut
from projections.phrases import counted
from services.cli import finding
from services.cli.session import Session
from services.exits import Exit


def show(session: Session) -> int:
    """Everything that is kept, and for how long."""
    return _shown(session, session.get(RetentionOut, "retention"))


def keep(session: Session, releases: int | None, reason: str | None) -> int:
    """Keep so many releases in each environment; None: as many as usual."""
    asked = RetentionIn(releases_per_environment=releases, reason=reason)
    return _shown(session, session.client.put(session.path("retention"), asked, RetentionOut))


def pin(session: Session, wanted: str, project: str | None, reason: str | None) -> int:
    """Keep a release for good."""
    found = _release(session, wanted, project)
    kept = session.client.post(session.path("releases", found.id, "pin"), Pinning(reason=reason), ReleaseOut)
    session.console.document(kept)
    session.console.say(f"The release of {kept.ref} is pinned: it does not expire however many follow it.")
    return Exit.OK


def unpin(session: Session, wanted: str, project: str | None) -> int:
    """Keep a release as long as any other."""
    found = _release(session, wanted, project)
    session.client.delete(session.path("releases", found.id, "pin"))
    session.console.document({"unpinned": found.ref, "id": found.id})
    session.console.say(f"The release of {found.ref} may expire as any other.")
    return Exit.OK


def _release(session: Session, wanted: str, project: str | None) -> ReleaseOut:
    place = finding.project(session, project)
    return finding.release(wanted, session.listed(ReleaseOut, "projects", place.id, "releases"))


def _shown(session: Session, found: RetentionOut) -> int:
    releases, logs, backups = found.releases_per_environment, found.logs, found.backups
    caches = found.build_caches
    session.console.document(found)
    session.console.table(
        ("WHAT", "KEPT", "SET BY"),
        [
            (
                "releases of an environment",
                f"{releases.count} of the newest, what is in use or pinned",
                "workspace" if releases.own else "installation",
            ),
            ("lines of logs", counted(logs.days, "day") if logs.days else "for ever", "installation"),
            (
                "caches of builds",
                f"{counted(caches.unused_days, 'day')} unused, up to {caches.megabytes} MB",
                "installation",
            ),
            ("scheduled backups", f"{backups.count}, for {counted(backups.days, 'day')}", "each schedule"),
        ],
        empty="",
    )
    return Exit.OK
