"""The audit trail: looking at it, following it, taking it elsewhere; and why a deployment is as it is."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from adapters.http.native.wire.audit import AuditExport, AuditOut, Why
from domain.audit import ExportFormat
from services.cli import finding
from services.cli.session import Session
from services.console import age
from services.control_sequences import cleaned
from services.exits import Exit, WrongUsage

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What is sought: the API's own filters."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None

    def query(self) -> dict[str, str]:
        """The filters as a query."""
        return {name: _written(value) for name, value in msgspec.structs.asdict(self).items() if value is not None}


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def moment(text: str | None) -> datetime | None:
    """A moment: ``2026-11-22T10:00:00Z``, or how long ago, as ``90m``, ``24h``, ``7d``. Raises WrongUsage."""
    if text is None:
        return None
    if text[-1:] in UNITS and text[:-1].isdecimal():
        return datetime.now(UTC) - int(text[:-1]) * UNITS[text[-1]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise WrongUsage(f"'{text}' is no moment. Say 2026-11-22T10:00:00Z, or how long ago: 90m, 24h, 7d.") from wrong
    return at if at.tzinfo else at.astimezone()


def trail(session: Session, filters: Filters, number: int) -> int:
    """The newest facts that are sought."""
    found = session.listed(AuditOut, "audit", most=number, **filters.query())
    session.console.document(found)
    session.console.table(
        ("POSITION", "WHEN", "WHO", "WHAT", "WHY"),
        [(str(one.position), age(one.at), one.actor, one.message, one.reason or "") for one in found],
        empty="Nothing is found. Leave out a filter, or look further back.",
    )
    return Exit.OK


def export(session: Session, filters: Filters, kind: ExportFormat, file: Path | None, reason: str | None) -> int:
    """Take the audit trail elsewhere."""
    wanted = AuditExport(format=kind, reason=reason, **msgspec.structs.asdict(filters))
    pieces = session.client.download(session.path("audit", "export"), wanted)
    if file is None:
        size = _write(sys.stdout.buffer.write, pieces)
    else:
        growing = file.with_name(f"{file.name}.part")
        with growing.open("wb") as writing:
            size = _write(writing.write, pieces)
        growing.replace(file)
    session.console.note(f"{size} bytes of {kind.upper()} were written" + (f" to {file}." if file else "."))
    return Exit.OK


def _write(write: Callable[[bytes], int], pieces: Iterator[bytes]) -> int:
    size = 0
    for piece in pieces:
        write(piece)
        size += len(piece)
    return size


def why(session: Session, wanted: str) -> int:
    """What began a deployment, and what followed."""
    deployment = finding.deployment(session, wanted)
    found = session.get(Why, "deployments", deployment.id, "why")
    session.console.document(found)
    asked = found.request
    where = f" from {asked.address}" if asked.address else ""
    session.console.say(cleaned(f"{found.ref} is {found.status}. {asked.actor} asked for it{where}, {age(asked.at)}."))
    session.console.table(
        ("POSITION", "AT", "BY", "WHAT"),
        [(str(hop.position), f"{hop.at:%H:%M:%S.%f}"[:-3], hop.actor, hop.message) for hop in found.hops],
        empty="",
    )
    return Exit.OK
