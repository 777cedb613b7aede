"""Secrets, looked at without their values; many of them imported, and all of them destroyed."""

import sys
from pathlib import Path

from adapters.http.native.wire.secrets import (
    EffectiveSecrets,
    SecretDetail,
    SecretImport,
    SecretsImported,
    SecretUseOut,
    Shredded,
    Shredding,
)
from projections.phrases import counted
from services.cli import finding
from services.cli.sealing import place_of, secret
from services.cli.session import Session
from services.console import age
from services.exits import Exit, WrongUsage

LARGEST_FILE = 1 << 20


def show(session: Session, name: str, project: str | None, environment: str | None) -> int:
    """A secret's versions."""
    found = session.get(SecretDetail, "secrets", secret(session, name, project, environment).id)
    session.console.document(found)
    session.console.say(f"{found.name}, version {found.version}, for the {found.scope}. Its value is never shown.")
    session.console.table(
        ("VERSION", "FINGERPRINT", "SET", "BY", ""),
        [
            (str(one.version), one.fingerprint[:12], age(one.created_at), one.created_by, "gone" if one.gone else "")
            for one in found.versions
        ],
        empty="",
    )
    return Exit.OK


def uses(session: Session, name: str, project: str | None, environment: str | None) -> int:
    """The releases that have a secret."""
    found = session.listed(SecretUseOut, "secrets", secret(session, name, project, environment).id, "uses")
    projects = {one.id: one.slug for one in finding.projects(session)}
    session.console.document(found)
    session.console.table(
        ("RELEASE", "PROJECT", "VERSION", "LIVE", "MADE", "NOTE"),
        [
            (
                one.ref,
                projects.get(one.project_id, one.project_id),
                str(one.version),
                "yes" if one.active else "",
                age(one.created_at),
                "the value is gone" if one.gone else "older than the newest" if one.outdated else "",
            )
            for one in found
        ],
        empty=f"No release has {name} yet: the next deployment does.",
    )
    return Exit.OK


def effective(session: Session, project: str | None, environment: str | None) -> int:
    """What a place sees."""
    project_id, environment_id = place_of(session, project, environment)
    query = {"projectId": project_id, "environmentId": environment_id}
    asked = {name: value for name, value in query.items() if value}
    found = session.get(EffectiveSecrets, "secrets", "effective", **asked)
    session.console.document(found)
    session.console.table(
        ("NAME", "FROM", "VERSION", "FINGERPRINT", "CHANGED", "HIDES"),
        [
            (
                one.name,
                one.scope,
                f"{one.version} (gone)" if one.gone else str(one.version),
                one.fingerprint[:12],
                age(one.updated_at),
                ", ".join(f"{hid.scope} {hid.version}" for hid in one.hides),
            )
            for one in found.items
        ],
        empty="Nothing is seen there. Set a secret: shipbook secrets set NAME",
    )
    return Exit.OK


def import_file(session: Session, file: str, project: str | None, environment: str | None, *, dry_run: bool) -> int:
    """Keep the variables of a file."""
    place = place_of(session, project, environment)
    wanted = SecretImport(content=_content(file), project_id=place[0], environment_id=place[1], dry_run=dry_run)
    done = session.client.post(session.path("secrets", "import"), wanted, SecretsImported)
    session.console.document(done)
    session.console.table(
        ("LINE", "NAME", "BECOMES" if dry_run else "IS", "VERSION", "WHY"),
        [(str(one.line), one.name or "", one.outcome, str(one.version or ""), one.reason or "") for one in done.items],
        empty="There is no variable in it.",
    )
    told = f"{done.created} created, {done.rotated} rotated, {done.unchanged} unchanged"
    if done.refused:
        session.console.note(f"{counted(done.refused, 'line')} cannot be used: nothing will be imported.", "yellow")
        return Exit.FAILED
    session.console.say(f"Would be: {told}." if dry_run else f"Imported: {told}. Later deployments see them.")
    return Exit.OK


def shred(session: Session, confirm: str, reason: str) -> int:
    """Destroy the workspace's keys."""
    done = session.client.post(session.path("shred"), Shredding(confirm=confirm, reason=reason), Shredded)
    session.console.document(done)
    session.console.say(f"The keys of {confirm} are destroyed. Nobody can open its secrets any more; history stays.")
    return Exit.OK


def _content(file: str) -> str:
    try:
        if file == "-":
            content = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            with Path(file).expanduser().open("rb") as opened:
                content = opened.read(LARGEST_FILE + 1)
        text = content.decode()
    except OSError as problem:
        raise WrongUsage(f"{file} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError:
        raise WrongUsage(f"{file} is not UTF-8. Save it as UTF-8, and import it again.") from None
    if len(content) > LARGEST_FILE:
        raise WrongUsage(f"{file} is too long: at most 1 MiB.")
    return text
