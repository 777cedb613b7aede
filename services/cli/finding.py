"""Finding things by the names that people use: a slug, ``DEP-0042``, or an id."""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from adapters.http.native.wire.deployments import DeploymentDetail, DeploymentOut, ReleaseOut
from adapters.http.native.wire.projects import EnvironmentOut, ProjectDetail, ProjectOut
from adapters.http.native.wire.repositories import ConnectionOut
from services.cli.checkout import look
from services.cli.session import Session
from services.client import Refused
from services.exits import WrongUsage

T = TypeVar("T")

IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
REFERENCE = re.compile(r"(?:DEP-)?0*([1-9][0-9]*)", re.IGNORECASE)


def chosen(wanted: str, things: Iterable[T], names: Callable[[T], Sequence[str]], what: str) -> T:
    """The one of ``things`` that is called ``wanted``, or else begins so. Raises WrongUsage with what is near."""
    wanted_name = wanted.casefold()
    by_name = [(name.casefold(), thing) for thing in things for name in names(thing)]
    for fits in (str.__eq__, str.startswith):
        found = {id(thing): thing for name, thing in by_name if fits(name, wanted_name)}
        if len(found) == 1:
            return found.popitem()[1]
    shown = [name for name, _ in by_name if not IDENTIFIER.fullmatch(name)]
    near = [name for name in shown if name.startswith(wanted_name)][:5] or get_close_matches(wanted_name, shown, n=1)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(shown[:20]) or 'none'}."
    raise WrongUsage(f"There is no {what} '{wanted}'. {hint}")


def projects(session: Session) -> list[ProjectOut]:
    """Every project of the workspace, by name."""
    return session.listed(ProjectOut, "projects")


def project(session: Session, wanted: str | None) -> ProjectDetail:
    """The project that is meant: by name, slug or id; else the one deployed from here, or the only one."""
    found = projects(session)
    if wanted is not None:
        return _detail(session, chosen(wanted, found, lambda one: (one.slug, one.name, one.id), "project"))
    if len(found) > 1:
        found = _from_here(session, found) or found
    if len(found) != 1:
        slugs = ", ".join(one.slug for one in found[:20])
        raise WrongUsage(
            f"Say which project with --project; there are: {slugs}."
            if found
            else "There is no project. `shipbook deploy` in a repository makes one."
        )
    return _detail(session, found[0])


def environment(project: ProjectDetail, wanted: str) -> EnvironmentOut:
    """The project's environment by name or id."""
    return chosen(wanted, project.environments, lambda one: (one.name, one.id), f"environment of {project.slug}")


def deployment(session: Session, wanted: str) -> DeploymentDetail:
    """The deployment with this reference or id."""
    if IDENTIFIER.fullmatch(wanted):
        return _known(session, wanted.lower())
    return session.get(DeploymentDetail, "deployments", _numbered(session, wanted).id)


def newest_deployment(session: Session, wanted: str | None) -> DeploymentDetail:
    """The newest deployment of a project, or of all."""
    among = [project(session, wanted)] if wanted else projects(session)
    newest = [
        one for each in among for one in session.listed(DeploymentOut, "projects", each.id, "deployments", most=1)
    ]
    if not newest:
        raise WrongUsage("There is no deployment. `shipbook deploy` in a repository makes one.")
    return session.get(DeploymentDetail, "deployments", max(newest, key=lambda one: one.number).id)


def release(wanted: str, among: Sequence[ReleaseOut]) -> ReleaseOut:
    """The release with this id, or cut by the deployment with this reference."""
    number = REFERENCE.fullmatch(wanted)
    name = f"DEP-{int(number[1]):04}" if number else wanted
    return chosen(name, among, lambda one: (one.ref, one.id), "release")


def _detail(session: Session, found: ProjectOut) -> ProjectDetail:
    return session.get(ProjectDetail, "projects", found.id)


def _from_here(session: Session, found: Sequence[ProjectOut]) -> list[ProjectOut]:
    """Those deployed from the repository that we stand in, and from its folder where that tells them apart."""
    checkout = look(Path.cwd())
    if checkout is None:
        return []
    urls = {str(checkout.root), checkout.remote_url}
    connections = {one.id for one in session.listed(ConnectionOut, "repository-connections") if one.url in urls}
    ours = [one for one in found if one.repository_connection_id in connections]
    return [one for one in ours if one.root_directory == checkout.folder] or ours


def _known(session: Session, wanted: str) -> DeploymentDetail:
    try:
        return session.get(DeploymentDetail, "deployments", wanted)
    except Refused as refused:
        raise WrongUsage(f"There is no deployment {wanted}.") if refused.status == 404 else refused from refused


def _numbered(session: Session, wanted: str) -> DeploymentOut:
    """Numbers count in the workspace, lists are by project: ask each project from its newest down to the number."""
    reference = REFERENCE.fullmatch(wanted)
    if reference is None:
        raise WrongUsage(f"'{wanted}' names no deployment; expected one such as DEP-0042, 42, or an id.")
    number, newest = int(reference[1]), 0
    for each in projects(session):
        for one in session.each(DeploymentOut, "projects", each.id, "deployments"):
            newest = max(newest, one.number)
            if one.number == number:
                return one
            if one.number < number:
                break
    hint = f"The newest is DEP-{newest:04}." if newest else "There is none yet."
    raise WrongUsage(f"There is no deployment DEP-{number:04}. {hint}")
