"""What runs: showing it, changing how it runs, waiting until it has become so; and the requests that were answered."""

import time
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from adapters.http.native.wire.access_logs import RequestOut, Requests
from adapters.http.native.wire.projects import EnvironmentOut, Limits, ProjectDetail
from adapters.http.native.wire.running import Because, RuntimeConfigPatch, RuntimeOut
from domain.project import RuntimeType
from services.cli import finding
from services.cli.session import Session
from services.console import age, size
from services.exits import CommandFailed, Exit, WrongUsage

POLL_SECONDS = 0.2
BEGIN_SECONDS = 10.0
"""How long the plane may take to begin a restart that follows from a configuration."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about how it runs."""

    instances: int | None = None
    memory_mb: int | None = None
    cpus: float | None = None
    start: str | None = None
    port: int | None = None
    health_path: str | None = None
    health_seconds: int | None = None
    kind: str | None = None


def show(session: Session, project: str | None, environment: str) -> int:
    """What is live in an environment."""
    found = finding.project(session, project)
    live = _runtime(session, found, finding.environment(found, environment))
    session.console.document(live)
    _tell(session, live)
    return Exit.OK


def configure(session: Session, project: str | None, changes: Changes, *, apply: bool, wait: bool) -> int:
    """Change how a project runs."""
    if changes == Changes():
        raise WrongUsage("Say what to change; `shipbook runtime set --help` lists what there is.")
    found = finding.project(session, project)
    before = {one.id: _runtime(session, found, one) for one in found.environments}
    path = session.path("projects", found.id, "runtime-config")
    changed = session.client.patch(path, _patch(changes, found, apply=apply), ProjectDetail)
    session.console.document(changed.runtime_config)
    differs = changed.runtime_config != found.runtime_config
    running = [one for one in found.environments if before[one.id].status in {"live", "activating"}]
    if not (apply and differs and running):
        session.console.say("It is set. It holds from the next deployment, start or restart on.")
        return Exit.OK
    session.console.say(f"It is set; {', '.join(one.name for one in running)} restarts with it.")
    return max(_after(session, found, one, before[one.id].activations) for one in running) if wait else Exit.OK


def ask(
    session: Session,
    what: Literal["start", "stop", "restart"],
    project: str | None,
    environment: str,
    reason: str | None,
    *,
    wait: bool,
) -> int:
    """Have an environment started, stopped or restarted."""
    found = finding.project(session, project)
    place = finding.environment(found, environment)
    path = session.path("projects", found.id, "environments", place.id, what)
    live = session.client.post(path, Because(reason=reason), RuntimeOut)
    if wait and live.activation:
        return _after(session, found, place, live.activations - 1)
    session.console.document(live)
    _tell(session, live)
    return Exit.OK


def requests(
    session: Session, project: str | None, environment: str, after: int | None, *, everything: bool, follow: bool
) -> int:
    """The requests that an environment answered."""
    found = finding.project(session, project)
    path = session.path("projects", found.id, "environments", finding.environment(found, environment).id, "access-logs")
    shown = _followed(session, path, after, everything=everything) if follow else None
    for one in shown or _kept(session, path, after, everything=everything):
        session.console.document(one)
        session.console.log(_line(one), "dim" if one.notice else "red" if (one.status or 0) >= 500 else "")
    return Exit.OK


def _kept(session: Session, path: str, after: int | None, *, everything: bool) -> Iterator[RequestOut]:
    while True:
        page = session.client.get(path, Requests, after=after, all=str(everything).lower())
        yield from page.items
        if not page.has_more:
            return
        after = page.next_after


def _followed(session: Session, path: str, after: int | None, *, everything: bool) -> Iterator[RequestOut]:
    """Those to come; also those before, where a number was said."""
    if after is None:
        after = session.client.get(path, Requests, limit=1).last_seq
    for event in session.client.follow(f"{path}/stream?all={str(everything).lower()}", after):
        if event.frame.type == "log":
            yield msgspec.json.decode(event.data, type=RequestOut)


def _line(one: RequestOut) -> str:
    if one.notice:
        return f"{one.at:%Y-%m-%d %H:%M:%S} {one.notice}"
    took = f"{one.duration_ms:.1f} ms" if one.duration_ms is not None else ""
    return (
        f"{one.at:%Y-%m-%d %H:%M:%S} {one.status} {one.method} {one.host}{one.path} "
        f"{size(one.bytes or 0)} {took} {one.client_address}"
    )


def _patch(changes: Changes, project: ProjectDetail, *, apply: bool) -> RuntimeConfigPatch:
    limits = project.runtime_config.limits
    limited = changes.memory_mb is not None or changes.cpus is not None
    said = Limits(
        memory_mb=limits.memory_mb if changes.memory_mb is None else changes.memory_mb,
        cpus=limits.cpus if changes.cpus is None else changes.cpus,
    )
    return RuntimeConfigPatch(
        runtime_type=UNSET if changes.kind is None else RuntimeType(changes.kind),
        start_command=UNSET if changes.start is None else changes.start,
        port=UNSET if changes.port is None else changes.port,
        health_check_path=UNSET if changes.health_path is None else changes.health_path,
        health_timeout_seconds=UNSET if changes.health_seconds is None else changes.health_seconds,
        instances=UNSET if changes.instances is None else changes.instances,
        limits=said if limited else UNSET,
        apply=apply,
    )


def _runtime(session: Session, project: ProjectDetail, place: EnvironmentOut) -> RuntimeOut:
    return session.get(RuntimeOut, "projects", project.id, "environments", place.id, "runtime")


def _after(session: Session, project: ProjectDetail, place: EnvironmentOut, activations: int) -> int:
    """Wait until an activation behind that number has ended, and say how; 1 where it failed."""
    began = time.monotonic()
    with session.console.waiting(f"{place.name} restarts…"):
        while (live := _runtime(session, project, place)).activation or live.activations <= activations:
            if live.activation is None and time.monotonic() - began > BEGIN_SECONDS:
                raise CommandFailed(f"{place.name} is not restarted yet. See: shipbook runtime show -e {place.name}")
            time.sleep(POLL_SECONDS)
    session.console.document(live)
    if live.last_error:
        session.console.note(f"✗ {place.name} goes on as it was: {live.last_error}", "bold red")
        return Exit.FAILED
    _tell(session, live)
    return Exit.OK


def _tell(session: Session, live: RuntimeOut) -> None:
    release = f" · {live.active_release.ref}" if live.active_release else ""
    session.console.say(f"{live.name}: {live.status}{release} · {' '.join(live.urls)}", "bold")
    if live.last_error:
        session.console.note(live.last_error, "yellow")
    if live.instances:
        session.console.table(_HEADINGS, _rows(live), empty="")


_HEADINGS = ("INSTANCE", "STATE", "REQUESTS", "ADDRESS", "STARTED", "RESTARTS", "CPU", "MEMORY")


def _rows(live: RuntimeOut) -> Sequence[Sequence[str]]:
    return [
        (
            str(one.number),
            one.state,
            "yes" if one.serving else "no",
            f"{one.host}:{one.port}",
            age(one.started_at),
            str(one.restarts),
            "" if one.cpus is None else f"{one.cpus:.2f}",
            "" if one.memory_bytes is None else size(one.memory_bytes),
        )
        for one in live.instances
    ]
