"""Deploying: trigger a deployment of what is meant, and watch it; stop it, or try it again."""

from adapters.http.native.wire.deployments import Cancellation, DeploymentOut, Trigger
from services.cli import finding, following, targeting
from services.cli.session import Session
from services.exits import Exit


def deploy(session: Session, wanted: targeting.Wanted, *, follow: bool) -> int:
    """Deploy; the exit status says how it ended."""
    source = targeting.source(wanted)
    project = targeting.project(session, wanted, source)
    place = targeting.environment(session, wanted, source, project)
    targeting.warn(session, wanted, source, place)
    path = session.path("projects", project.id, "environments", place.id, "deployments")
    triggered = session.client.post(
        path,
        Trigger(
            branch=wanted.branch,
            commit=wanted.commit,
            note=wanted.note,
            override=wanted.override,
            reason=wanted.reason,
        ),
        DeploymentOut,
    )
    return watched(session, triggered, follow=follow)


def retry(session: Session, wanted: str, *, follow: bool) -> int:
    """Deploy again what a deployment deployed."""
    found = finding.deployment(session, wanted)
    again = session.client.post(session.path("deployments", found.id, "retry"), None, DeploymentOut)
    return watched(session, again, follow=follow)


def cancel(session: Session, wanted: str, reason: str | None) -> int:
    """Stop a deployment."""
    found = finding.deployment(session, wanted)
    path = session.path("deployments", found.id, "cancel")
    stopped = session.client.post(path, Cancellation(reason=reason), DeploymentOut)
    session.console.document(stopped)
    session.console.say(f"{stopped.ref} is {stopped.status}.")
    return Exit.OK


def watched(session: Session, deployment: DeploymentOut, *, follow: bool) -> int:
    """Follow a deployment to its end, or only say how it stands."""
    if follow:
        return following.follow(session, deployment)
    session.console.document(deployment)
    session.console.say(f"{deployment.ref} is {deployment.status}. Follow it: shipbook logs {deployment.ref} -f")
    return Exit.OK
