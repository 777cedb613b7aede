"""Secrets: what there are, giving one a value, removing one."""

from adapters.http.native.wire.secrets import SecretCreation, SecretOut, SecretPatch
from domain.identifiers import EnvironmentId, ProjectId
from services.cli import finding
from services.cli.entering import hidden
from services.cli.session import Session
from services.console import age
from services.exits import Exit, WrongUsage

Place = tuple[ProjectId | None, EnvironmentId | None]
"""The ids of a project and of its environment, each None where the secret is wider."""


def listing(session: Session, project: str | None) -> int:
    """The secrets of the workspace, or those that a project sees."""
    found = session.listed(SecretOut, "secrets")
    projects = {one.id: one.slug for one in finding.projects(session)}
    if project:
        mine = finding.project(session, project).id
        found = [one for one in found if one.project_id in {None, mine}]
    session.console.document(found)
    session.console.table(
        ("NAME", "SCOPE", "PROJECT", "VERSION", "FINGERPRINT", "CHANGED", "BY"),
        [
            (
                one.name,
                one.scope,
                projects.get(one.project_id, "") if one.project_id else "",
                str(one.version),
                one.fingerprint[:12],
                age(one.updated_at),
                one.updated_by,
            )
            for one in found
        ],
        empty="There is no secret. Set one: shipbook secrets set NAME",
    )
    return Exit.OK


def set_secret(session: Session, name: str, project: str | None, environment: str | None) -> int:
    """Give a secret its first value, or another one."""
    place = place_of(session, project, environment)
    found = _found(session, name, place)
    value = hidden(f"Value of {name}: ")
    if found:
        kept = session.client.patch(session.path("secrets", found.id), SecretPatch(value=value), SecretOut)
    else:
        creation = SecretCreation(name=name, value=value, project_id=place[0], environment_id=place[1])
        kept = session.client.post(session.path("secrets"), creation, SecretOut)
    session.console.document(kept)
    session.console.say(f"{kept.name} is kept, version {kept.version}, for the {kept.scope}. Later deployments see it.")
    return Exit.OK


def remove(session: Session, name: str, project: str | None, environment: str | None) -> int:
    """Remove a secret."""
    found = secret(session, name, project, environment)
    session.client.delete(session.path("secrets", found.id))
    session.console.document({"removed": found.name, "id": found.id})
    session.console.say(f"{found.name} is removed. Releases made before keep their version.")
    return Exit.OK


def secret(session: Session, name: str, project: str | None, environment: str | None) -> SecretOut:
    """The secret of this name and exactly this scope. Raises WrongUsage."""
    found = _found(session, name, place_of(session, project, environment))
    if found is None:
        raise WrongUsage(f"There is no secret {name} with exactly this scope. `shipbook secrets list` shows all.")
    return found


def place_of(session: Session, project: str | None, environment: str | None) -> Place:
    """The ids of the project and the environment that are meant."""
    if project is None and environment is None:
        return None, None
    found = finding.project(session, project)
    return found.id, finding.environment(found, environment).id if environment else None


def _found(session: Session, name: str, place: Place) -> SecretOut | None:
    """The secret of this name and exactly this scope."""
    return next(
        (
            one
            for one in session.each(SecretOut, "secrets")
            if one.name == name and (one.project_id, one.environment_id) == place
        ),
        None,
    )
