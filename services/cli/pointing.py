"""Custom domains: adding one, seeing which records lack, verifying, changing, removing."""

from time import monotonic, sleep
from typing import Literal, cast

from msgspec import UNSET

from adapters.http.native.wire.domains import DomainCreation, DomainOut, DomainPatch
from adapters.http.native.wire.projects import ProjectDetail
from services.cli import finding
from services.cli.session import Session
from services.console import age
from services.exits import Exit, WrongUsage

WAIT_SECONDS = 600
PAUSE_SECONDS = 5
RedirectStatus = Literal[301, 308]


def listing(session: Session, project: str | None) -> int:
    """The domains of a project."""
    found = finding.project(session, project)
    domains = session.listed(DomainOut, "projects", found.id, "domains")
    places = {one.id: one.name for one in found.environments}
    session.console.document(domains)
    session.console.table(
        ("HOST", "ENVIRONMENT", "STATUS", "LIVE", "CERTIFICATE", "CHECKED", "PROBLEM"),
        [
            (
                one.display_name,
                f"→ {one.redirect_to}" if one.redirect_to else places.get(one.environment_id, ""),
                one.status,
                "yes" if one.live else "no",
                one.certificate.status,
                age(one.checked_at) if one.checked_at else "never",
                (one.problem or one.certificate.problem or "")[:80],
            )
            for one in domains
        ],
        empty="There is no custom domain. Add one: shipbook domains add www.example.com",
    )
    return Exit.OK


def add(
    session: Session, hostname: str, project: str | None, environment: str | None, redirect_to: str | None, status: int
) -> int:
    """Add a domain, and show its records."""
    found = finding.project(session, project)
    creation = DomainCreation(
        hostname=hostname,
        environment_id=finding.environment(found, environment).id if environment else None,
        redirect_to=redirect_to,
        redirect_status=_redirect_status(status),
    )
    domain = session.client.post(session.path("projects", found.id, "domains"), creation, DomainOut)
    session.console.document(domain)
    session.console.say(
        f"{domain.display_name} is added. Set these DNS records, then: shipbook domains verify {domain.hostname}"
    )
    _records(session, domain)
    return Exit.OK


def show(session: Session, hostname: str, project: str | None) -> int:
    """A domain with its records."""
    domain = _found(session, finding.project(session, project), hostname)
    session.console.document(domain)
    _told(session, domain)
    _records(session, domain)
    return Exit.OK


def verify(session: Session, hostname: str, project: str | None, *, wait: bool) -> int:
    """Have the name servers asked; with ``wait`` again and again."""
    found = finding.project(session, project)
    path = session.path("projects", found.id, "domains", _found(session, found, hostname).id, "verify")
    deadline = monotonic() + WAIT_SECONDS
    domain = session.client.post(path, None, DomainOut)
    with session.console.waiting(f"waiting for the records of {domain.display_name}"):
        while wait and not domain.proven and monotonic() < deadline:
            sleep(PAUSE_SECONDS)
            domain = session.client.post(path, None, DomainOut)
    session.console.document(domain)
    _told(session, domain)
    return Exit.OK if domain.proven else Exit.FAILED


def change(
    session: Session,
    hostname: str,
    project: str | None,
    environment: str | None,
    redirect_to: str | None,
    status: int,
    *,
    no_redirect: bool,
) -> int:
    """Move a domain, or change where it sends requests on."""
    if no_redirect and redirect_to:
        raise WrongUsage("Redirect or not? Leave out --redirect-to or --no-redirect.")
    if not (environment or redirect_to or no_redirect):
        raise WrongUsage("Say what to change: --env, --redirect-to or --no-redirect.")
    found = finding.project(session, project)
    patch = DomainPatch(
        environment_id=finding.environment(found, environment).id if environment else UNSET,
        redirect_to=None if no_redirect else redirect_to or UNSET,
        redirect_status=_redirect_status(status),
    )
    path = session.path("projects", found.id, "domains", _found(session, found, hostname).id)
    domain = session.client.patch(path, patch, DomainOut)
    session.console.document(domain)
    _told(session, domain)
    return Exit.OK


def remove(session: Session, hostname: str, project: str | None) -> int:
    """Remove a domain."""
    found = finding.project(session, project)
    domain = _found(session, found, hostname)
    session.client.delete(session.path("projects", found.id, "domains", domain.id))
    session.console.document({"removed": domain.hostname, "id": domain.id})
    session.console.say(f"{domain.display_name} is removed.")
    return Exit.OK


def _found(session: Session, project: ProjectDetail, hostname: str) -> DomainOut:
    """The domain of exactly this name, in either form."""
    wanted = hostname.casefold().removesuffix(".")
    domains = session.listed(DomainOut, "projects", project.id, "domains")
    for one in domains:
        if wanted in {one.hostname, one.display_name, one.id}:
            return one
    known = ", ".join(one.display_name for one in domains[:20]) or "none"
    raise WrongUsage(f"{project.slug} has no custom domain '{hostname}'. There are: {known}.")


def _told(session: Session, domain: DomainOut) -> None:
    """How it stands, in a few lines."""
    place = f"redirects to {domain.redirect_to}" if domain.redirect_to else domain.url
    session.console.say(f"{domain.display_name}: {domain.status}, {'live' if domain.live else 'not live'}, {place}")
    if domain.problem:
        session.console.note(domain.problem, "yellow")
    certificate = domain.certificate
    until = f", good until {certificate.expires_at:%Y-%m-%d}" if certificate.expires_at else ""
    session.console.say(f"certificate: {certificate.status}{until}")
    if certificate.problem:
        session.console.note(certificate.problem, "yellow")


def _records(session: Session, domain: DomainOut) -> None:
    words = {True: "yes", False: "no", None: "not looked for yet"}
    session.console.table(
        ("TYPE", "NAME", "VALUE", "FOUND", "PURPOSE"),
        [(one.type, one.name, one.value, words[one.found], one.purpose) for one in domain.records],
        empty="",
    )


def _redirect_status(status: int) -> RedirectStatus:
    if status not in {301, 308}:
        raise WrongUsage("A redirect is 301 or 308.")
    return cast("RedirectStatus", status)
