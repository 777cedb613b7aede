"""Showing the log of a deployment or of a running server."""

from collections.abc import Iterator

import msgspec

from adapters.http.native.wire.deployments import LineOut, Lines
from services.cli import finding
from services.cli.following import Reader
from services.cli.session import Session
from services.client import Client
from services.exits import Exit, WrongUsage


def logs(
    session: Session, deployment: str | None, runtime: str | None, project: str | None, *, follow: bool, after: int
) -> int:
    """Show the lines after number ``after``; with ``follow`` also those to come."""
    if deployment and runtime:
        raise WrongUsage("A deployment's log, or the log of a running server? Leave out one of the two.")
    if runtime is not None:
        history = session.path("releases", _active_release(session, project, runtime), "runtime-logs")
        stream = f"{history}/stream"
    else:
        found = finding.deployment(session, deployment) if deployment else finding.newest_deployment(session, project)
        session.console.note(f"{found.ref} · {found.branch} · {found.status}", "dim")
        history, stream = (session.path("deployments", found.id, place) for place in ("logs", "stream"))
    reader = Reader(session.console)
    for line in _followed(session.client, stream, after) if follow else _kept(session.client, history, after):
        session.console.document(line)
        reader.show(line)
    return Exit.OK


def _active_release(session: Session, project: str | None, environment: str) -> str:
    found = finding.project(session, project)
    place = finding.environment(found, environment)
    if place.active_release_id is None:
        raise WrongUsage(f"Nothing is live in {found.slug}'s {place.name}. `shipbook deploy` brings something there.")
    return place.active_release_id


def _kept(client: Client, path: str, after: int) -> Iterator[LineOut]:
    """The lines that are there."""
    while True:
        page = client.get(path, Lines, after=after)
        yield from page.items
        if not (page.has_more and page.items):
            return
        after = page.items[-1].seq


def _followed(client: Client, path: str, after: int) -> Iterator[LineOut]:
    """The lines that are there, and those to come."""
    for event in client.follow(path, after):
        if event.frame.type == "log":
            yield msgspec.convert({"source": None, **msgspec.json.decode(event.data)}, LineOut)
        elif event.frame.type == "done":
            return
