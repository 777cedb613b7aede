"""Deployments that wait for somebody's word, and releases that go to another environment."""

from adapters.http.native.wire.deployments import ApprovalIn, DeploymentOut, Promotion, RejectionIn, ReleaseOut
from services.cli import finding
from services.cli.session import Session
from services.cli.triggering import watched
from services.exits import Exit, WrongUsage


def approve(session: Session, wanted: str, reason: str | None, *, override: bool) -> int:
    """Let a deployment be done."""
    return _judged(session, wanted, "approve", ApprovalIn(reason=reason, override=override))


def reject(session: Session, wanted: str, reason: str | None) -> int:
    """Decide that a deployment is not done."""
    return _judged(session, wanted, "reject", RejectionIn(reason=reason))


def _judged(session: Session, wanted: str, word: str, body: ApprovalIn | RejectionIn) -> int:
    found = finding.deployment(session, wanted)
    judged = session.client.post(session.path("deployments", found.id, word), body, DeploymentOut)
    session.console.document(judged)
    session.console.say(f"{judged.ref} is {judged.status}.")
    return Exit.OK


def promote(
    session: Session,
    wanted: str | None,
    source: str | None,
    project_name: str | None,
    environment: str,
    reason: str | None,
    *,
    override: bool,
    follow: bool,
) -> int:
    """Promote a release, and watch its deployment."""
    project = finding.project(session, project_name)
    place = finding.environment(project, environment)
    among = session.listed(ReleaseOut, "projects", project.id, "releases")
    if wanted:
        target = finding.release(wanted, among)
    else:
        target = _active(among, finding.environment(project, source).id if source else None)
    path = session.path("projects", project.id, "environments", place.id, "promotions")
    promotion = Promotion(release_id=target.id, reason=reason, override=override)
    session.console.note(f"{target.ref} goes to {project.slug}'s {place.name}: {target.commit[:8]}")
    return watched(session, session.client.post(path, promotion, DeploymentOut), follow=follow)


def _active(among: list[ReleaseOut], environment_id: str | None) -> ReleaseOut:
    if environment_id is None:
        raise WrongUsage("Say which release, such as DEP-0042, or with --from the environment where it is live.")
    active = next((one for one in among if one.active and one.environment_id == environment_id), None)
    if active is None:
        raise WrongUsage("Nothing is live in that environment. `shipbook releases` lists what there is.")
    return active
