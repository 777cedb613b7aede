"""Rolling back: make an earlier release live again, and wait until it is."""

import time

from adapters.http.native.wire.deployments import ReleaseOut, Rollback
from adapters.http.native.wire.projects import ProjectDetail
from adapters.http.native.wire.releases import DifferencesOut
from adapters.http.native.wire.running import RuntimeOut
from services.cli import finding
from services.cli.session import Session
from services.console import age, duration
from services.exits import CommandFailed, Exit, WrongUsage

LIVE_SECONDS = 120.0
POLL_SECONDS = 0.1


def roll_back(
    session: Session,
    wanted: str | None,
    project_name: str | None,
    environment: str,
    reason: str | None,
    *,
    dry_run: bool = False,
) -> int:
    """Roll back to a release, or to the one before the active one."""
    project = finding.project(session, project_name)
    place = finding.environment(project, environment)
    releases = session.listed(ReleaseOut, "projects", project.id, "releases", environmentId=place.id)
    target = finding.release(wanted, releases) if wanted else _former(releases, f"{project.slug}'s {place.name}")
    session.console.note(
        f"{project.slug}'s {place.name} goes back to {target.ref}: {target.commit[:8]} "
        f"“{target.commit_message.partition(chr(10))[0]}”, built {age(target.created_at)}."
    )
    if dry_run:
        return _would(session, Rollback(release_id=target.id, reason=reason, dry_run=True))
    started = time.monotonic()
    session.client.post(session.path("rollback"), Rollback(release_id=target.id, reason=reason), object)
    with session.console.waiting(f"{target.ref} starts…"):
        live = _live(session, project, place.id, target)
    session.console.document(live)
    url = live.urls[0] if live.urls else ""
    session.console.say(
        f"✓ {target.ref} is live again after {duration(time.monotonic() - started)}: {url}", "bold green"
    )
    return Exit.OK


def _would(session: Session, asked: Rollback) -> int:
    """Show what a roll back would change."""
    found = session.client.post(session.path("rollback"), asked, DifferencesOut)
    changes = [(f"runtime {one.name}", _word(one.before), _word(one.after)) for one in found.runtime_config]
    changes += [
        (f"secret {one.name}", _word(one.before), _word(one.after))
        for one in (*found.secrets.added, *found.secrets.removed, *found.secrets.changed)
    ]
    before = found.before
    if found.commit_changed:
        changes.insert(0, ("commit", before.commit[:8] if before else "", found.after.commit[:8]))
    if found.artifact_changed:
        changes.insert(0, ("artifact", before.artifact[:12] if before else "", found.after.artifact[:12]))
    session.console.document(found)
    session.console.table(
        ("WHAT", "NOW", "AFTERWARDS"), changes, empty="Nothing would change but the release's number."
    )
    return Exit.OK


def _word(value: str | float | bool | None) -> str:
    return "" if value is None else str(value)


def _former(releases: list[ReleaseOut], where: str) -> ReleaseOut:
    """The kept release before the active one that was live at some time; ``releases`` are the newest first."""
    active = next((place for place, one in enumerate(releases) if one.active), None)
    if active is None:
        raise WrongUsage(f"Nothing is live in {where}, so there is nothing to go back from.")
    former = next((one for one in releases[active + 1 :] if one.activated_at and not one.expired_at), None)
    if former is None:
        raise WrongUsage(f"{releases[active].ref} is the first release of {where}. `shipbook releases` lists them all.")
    return former


def _live(session: Session, project: ProjectDetail, environment_id: str, target: ReleaseOut) -> RuntimeOut:
    """What is live once it is ``target``. Raises CommandFailed where it did not become so."""
    deadline = time.monotonic() + LIVE_SECONDS
    while time.monotonic() < deadline:
        runtime = session.get(RuntimeOut, "projects", project.id, "environments", environment_id, "runtime")
        if runtime.activation is None:
            if runtime.active_release and runtime.active_release.id == target.id:
                return runtime
            still = f"{runtime.active_release.ref} is still live" if runtime.active_release else "nothing is live"
            raise CommandFailed(f"{target.ref} did not become live, and {still}. {runtime.last_error or ''}".strip())
        time.sleep(POLL_SECONDS)
    raise CommandFailed(f"{target.ref} is not live after {LIVE_SECONDS:.0f} s: shipbook status -p {project.slug}")
