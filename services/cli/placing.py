"""Projects and environments: what there are, changing them, deleting them."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from adapters.http.native.wire.projects import (
    EnvironmentCreation,
    EnvironmentOut,
    EnvironmentPatch,
    ProjectOut,
    ProjectPatch,
)
from projections.projects import ProjectStatus
from services.cli import finding
from services.cli.session import Session
from services.exits import Exit


def listing(session: Session, project: str | None) -> int:
    """A project's environments."""
    found = finding.project(session, project)
    session.console.document(found.environments)
    session.console.table(
        ("NAME", "BRANCH", "URL", "DEPLOYED", "RULES"),
        [
            (one.name, one.branch, one.url, "yes" if one.active_release_id else "", _rules(one))
            for one in found.environments
        ],
        empty=f"{found.slug} has no environment. Add one: shipbook environments add production -p {found.slug}",
    )
    return Exit.OK


def add(session: Session, project: str | None, name: str, branch: str, label: str | None, *, protected: bool) -> int:
    """Add an environment."""
    found = finding.project(session, project)
    creation = EnvironmentCreation(name=name, branch=branch, label=label, protected=protected)
    added = session.client.post(session.path("projects", found.id, "environments"), creation, EnvironmentOut)
    return _said(session, added, f"{added.name} of {found.slug} follows {added.branch}: {added.url}")


def change(session: Session, project: str | None, name: str, named: Mapping[str, Any]) -> int:
    """Change what is named of an environment."""
    found = finding.project(session, project)
    place = finding.environment(found, name)
    patch = EnvironmentPatch(**{field: UNSET if value is None else value for field, value in named.items()})
    changed = session.client.patch(session.path("projects", found.id, "environments", place.id), patch, EnvironmentOut)
    return _said(session, changed, f"{changed.name} of {found.slug} follows {changed.branch}. {_rules(changed)}")


def delete(session: Session, project: str | None, name: str, confirm: str, reason: str | None) -> int:
    """Delete an environment."""
    found = finding.project(session, project)
    place = finding.environment(found, name)
    session.client.delete(session.path("projects", found.id, "environments", place.id), confirm=confirm, reason=reason)
    session.console.document({"deleted": place.name, "id": place.id})
    session.console.say(f"{place.name} of {found.slug} is deleted. Its history stays.")
    return Exit.OK


def archive(session: Session, project: str, *, archived: bool) -> int:
    """Archive or restore a project."""
    found = finding.project(session, project)
    patch = ProjectPatch(status=ProjectStatus.ARCHIVED if archived else ProjectStatus.ACTIVE)
    changed = session.client.patch(session.path("projects", found.id), patch, ProjectOut)
    session.console.document(changed)
    session.console.say(f"{changed.slug} is {changed.status}.")
    return Exit.OK


def delete_project(session: Session, project: str, confirm: str, reason: str | None) -> int:
    """Delete a project."""
    found = finding.project(session, project)
    session.client.delete(session.path("projects", found.id), confirm=confirm, reason=reason)
    session.console.document({"deleted": found.slug, "id": found.id})
    session.console.say(f"{found.slug} is deleted. Its history stays.")
    return Exit.OK


def _said(session: Session, place: EnvironmentOut, sentence: str) -> int:
    session.console.document(place)
    session.console.say(sentence)
    return Exit.OK


def _rules(place: EnvironmentOut) -> str:
    rules = [
        "deploys each push" if place.auto_deploy else "",
        "" if place.superseding else "nothing is superseded",
        "protected" if place.protected else "",
        "approved by another" if place.protected and place.approval_by_another else "",
    ]
    return ", ".join(rule for rule in rules if rule)
