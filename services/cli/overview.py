"""Lists of what there is: projects and what is live in them, deployments, releases."""

from collections.abc import Sequence

import msgspec

from adapters.http.native.wire.deployments import DeploymentOut, ReleaseOut
from adapters.http.native.wire.projects import ProjectDetail
from adapters.http.native.wire.running import RuntimeOut
from services.cli import finding
from services.cli.session import Session
from services.console import age, duration, size
from services.exits import Exit


class PartHealth(msgspec.Struct, frozen=True):
    """How one part of the plane is."""

    name: str
    state: str
    message: str = ""


class PlaneHealth(msgspec.Struct, frozen=True):
    """How the plane is: its parts, and what is worst among them."""

    status: str
    parts: list[PartHealth] = []


class EnvironmentStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What is live in an environment."""

    name: str
    branch: str
    runtime: RuntimeOut


class ProjectStatus(msgspec.Struct, frozen=True):
    """A project with what is live in its environments."""

    slug: str
    type: str
    environments: list[EnvironmentStatus]


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """What ``shipbook status --json`` writes."""

    api_url: str
    health: PlaneHealth
    projects: list[ProjectStatus]


def status(session: Session, wanted: str | None) -> int:
    """The plane's health, and each environment with its URL; status 1 where a part is down."""
    health = session.client.get("/health", PlaneHealth)
    details = [
        finding.project(session, name)
        for name in ([wanted] if wanted else [one.id for one in finding.projects(session)])
    ]
    found = Status(
        api_url=session.client.login.api_url, health=health, projects=[_project(session, one) for one in details]
    )
    session.console.document(found)
    _show_health(session, found)
    session.console.table(
        ("PROJECT", "ENVIRONMENT", "STATUS", "RELEASE", "COMMIT", "SINCE", "URL"),
        [_environment_row(project, one) for project in found.projects for one in project.environments],
        empty="There is no project yet. Stand in a git repository and run: shipbook deploy",
    )
    return Exit.FAILED if any(part.state == "down" for part in health.parts) else Exit.OK


def _project(session: Session, project: ProjectDetail) -> ProjectStatus:
    places = [
        EnvironmentStatus(
            name=one.name,
            branch=one.branch,
            runtime=session.get(RuntimeOut, "projects", project.id, "environments", one.id, "runtime"),
        )
        for one in project.environments
    ]
    return ProjectStatus(slug=project.slug, type=project.type, environments=places)


def _show_health(session: Session, found: Status) -> None:
    style = {"ok": "green", "down": "bold red"}.get(found.health.status, "yellow")
    session.console.say(f"The plane at {found.api_url} is {found.health.status}.", style)
    for part in found.health.parts:
        if part.state != "ok":
            session.console.say(f"  {part.name} is {part.state}. {part.message}", "yellow")
    session.console.say()


def _environment_row(project: ProjectStatus, place: EnvironmentStatus) -> Sequence[str]:
    live = place.runtime.active_release
    return (
        project.slug,
        place.name,
        place.runtime.status,
        live.ref if live else "",
        live.commit[:8] if live else "",
        age(live.activated_at) if live else "",
        " ".join(place.runtime.urls),
    )


def deployments(session: Session, wanted: str | None, environment: str | None, status: str | None, number: int) -> int:
    """Deployments of one project or of all, the newest first."""
    among = [finding.project(session, wanted)] if wanted or environment else finding.projects(session)
    names = {one.id: one.slug for one in among}
    place = None
    if environment:
        place = finding.environment(finding.project(session, among[0].id), environment).id
    found = [
        deployment
        for one in among
        for deployment in session.listed(
            DeploymentOut, "projects", one.id, "deployments", most=number, environmentId=place, status=status
        )
    ]
    newest = sorted(found, key=lambda one: one.number, reverse=True)[:number]
    session.console.document(newest)
    session.console.table(
        ("DEPLOYMENT", "PROJECT", "STATUS", "BRANCH", "COMMIT", "TOOK", "STARTED", "BY", "ABOUT"),
        [_deployment_row(names[one.project_id], one) for one in newest],
        empty="There is no such deployment.",
    )
    return Exit.OK


def _deployment_row(slug: str, one: DeploymentOut) -> Sequence[str]:
    took = (one.finished_at - one.started_at).total_seconds() if one.finished_at and one.started_at else None
    return (
        one.ref,
        slug,
        one.status,
        one.branch,
        (one.commit or "")[:8],
        "" if took is None else duration(took),
        age(one.created_at),
        one.triggered_by,
        _shortened(one.error or one.note or one.commit_message or ""),
    )


def releases(session: Session, wanted: str | None, environment: str | None, number: int) -> int:
    """A project's releases, the newest first."""
    project = finding.project(session, wanted)
    place = finding.environment(project, environment).id if environment else None
    names = {one.id: one.name for one in project.environments}
    found = session.listed(ReleaseOut, "projects", project.id, "releases", most=number, environmentId=place)
    session.console.document(found)
    session.console.table(
        ("RELEASE", "ENVIRONMENT", "STATE", "COMMIT", "SIZE", "BUILT", "LAST LIVE", "ABOUT"),
        [_release_row(names.get(one.environment_id, "(deleted)"), one) for one in found],
        empty=f"{project.slug} has no release yet.",
    )
    return Exit.OK


def _release_row(place: str, one: ReleaseOut) -> Sequence[str]:
    return (
        one.ref,
        place,
        _state(one),
        one.commit[:8],
        size(one.artifact_bytes),
        age(one.created_at),
        age(one.activated_at),
        _shortened(one.commit_message),
    )


def _state(one: ReleaseOut) -> str:
    words = {"active": one.active, "expired": one.expired_at is not None, "pinned": one.pinned}
    return ", ".join(word for word, holds in words.items() if holds)


def _shortened(text: str, most: int = 60) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= most else line[: most - 1] + "…"
