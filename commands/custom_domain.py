"""Custom domains: what may be asked, and how long a proof may lack."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import UNSET, UnsetType

from commands import pointing
from commands.checks import LABEL, check
from commands.command import Command
from commands.decider import Decider
from commands.pointing import Target, Verdict
from domain.custom_domain import (
    CertificateFailed,
    CertificateIssued,
    CertificateNews,
    CertificateRequested,
    CustomDomain,
    CustomDomainAdded,
    CustomDomainChecked,
    CustomDomainMoved,
    CustomDomainRedirected,
    CustomDomainRemoved,
    CustomDomainUnrouted,
    CustomDomainVerified,
    DomainStatus,
    Event,
    Redirect,
    Seen,
    VerificationAbandoned,
    VerificationLost,
    VerificationResumed,
    base,
    challenge,
    evolve,
)
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId, TenantId
from domain.rejection import NotFound

LONGEST_HOSTNAME = 253 - len("_shipbook-challenge.")
"""Characters, so that the name of the TXT record is none too long (RFC 1035, 2.3.4)."""
REDIRECTS = (301, 308)

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
DAILY = timedelta(days=1)
PENDING_PATIENCE = timedelta(days=3)
"""So long a proof is waited for."""
LOST_PATIENCE = timedelta(days=14)
"""So long a lost one is, after requests are answered no more."""


class AddCustomDomain(Command):
    """Let an environment answer at ``hostname``, its ASCII form. ``apps_domain`` is the installation's own."""

    domain_id: CustomDomainId
    tenant_id: TenantId
    project_id: ProjectId
    environment_id: EnvironmentId
    hostname: str
    apps_domain: str
    redirect: Redirect | None = None


class ChangeCustomDomain(Command):
    """Let another environment answer, send requests on, or answer them again."""

    domain_id: CustomDomainId
    environment_id: EnvironmentId | UnsetType = UNSET
    redirect: Redirect | UnsetType | None = UNSET


class RecordCheck(Command):
    """Keep what the name servers answered at the moment ``at``, and what follows. ``grace``: how long a lost proof
    may lack before requests are answered no more. ``asked``: by a person, not by the clock."""

    domain_id: CustomDomainId
    seen: Seen
    target: Target
    at: datetime
    grace: timedelta
    asked: bool = False


class ReportCertificate(Command):
    """Keep what the edge knows of the certificate."""

    domain_id: CustomDomainId
    news: CertificateNews


class RemoveCustomDomain(Command):
    """Let nothing answer at the host name, and free it."""

    domain_id: CustomDomainId


CustomDomainCommand = AddCustomDomain | ChangeCustomDomain | RecordCheck | ReportCertificate | RemoveCustomDomain


def decide(command: CustomDomainCommand, state: CustomDomain) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    match command:
        case AddCustomDomain():
            return [] if state.added else _add(command)
        case ChangeCustomDomain():
            return [*_changed(command, state, require_domain(state).hostname)]
        case RecordCheck():
            return [*_checked(command, state, require_domain(state))]
        case ReportCertificate():
            require_domain(state)
            return [] if _is_known(command.news, state.certificate) else [command.news]
        case RemoveCustomDomain():
            return [CustomDomainRemoved(domain_id=command.domain_id, hostname=require_domain(state).hostname)]


def require_domain(state: CustomDomain) -> CustomDomainAdded:
    """How it was added; refuse where it never was, or was removed."""
    if state.added is None or state.removed:
        raise NotFound("There is no such custom domain.")
    return state.added


def hostname_problem(hostname: str, apps_domain: str) -> str | None:
    """What is wrong with a host name in its ASCII form; ``apps_domain`` gives its names out itself."""
    name = base(hostname)
    labels = name.split(".")
    if len(hostname) > LONGEST_HOSTNAME:
        return f"must have at most {LONGEST_HOSTNAME} characters"
    if not all(LABEL.fullmatch(label) for label in labels):
        return f"'{hostname}' is no host name; use one such as www.example.com or *.example.com"
    if labels[-1] == "localhost":
        return "localhost is this very machine for everybody; use a name of the public DNS"
    if len(labels) < 2:
        return f"'{hostname}' has no domain; use a name such as www.example.com"
    if not labels[-1][0].isalpha():
        return "must be a name, not an IP address"  # which browsers see in all that ends in a number (WHATWG URL, 3.5)
    if name == apps_domain or name.endswith(f".{apps_domain}"):
        return f"names below {apps_domain} are given by Shipbook itself; change the environment's label instead"
    return None


def _add(command: AddCustomDomain) -> Sequence[Event]:
    check(
        [
            ("hostname", hostname_problem(command.hostname, command.apps_domain)),
            ("redirectTo", _redirect_problem(command.redirect, command.hostname)),
        ]
    )
    return [
        CustomDomainAdded(
            domain_id=command.domain_id,
            project_id=command.project_id,
            environment_id=command.environment_id,
            hostname=command.hostname,
            challenge=challenge(command.tenant_id, command.hostname),
            redirect=command.redirect,
        )
    ]


def _redirect_problem(redirect: Redirect | None, hostname: str) -> str | None:
    if redirect is None:
        return None
    if redirect.to == hostname:
        return "must be another host name"
    if not all(LABEL.fullmatch(label) for label in redirect.to.split(".")):
        return f"'{redirect.to}' is no host name that requests can be sent to"
    return None if redirect.status in REDIRECTS else "must redirect with 301 or 308"


def _changed(command: ChangeCustomDomain, state: CustomDomain, hostname: str) -> Iterator[Event]:
    if command.environment_id is not UNSET and command.environment_id != state.environment_id:
        yield CustomDomainMoved(
            domain_id=command.domain_id,
            hostname=hostname,
            environment_id=command.environment_id,
            former=state.environment_id,
        )
    if command.redirect is not UNSET and command.redirect != state.redirect:
        check([("redirectTo", _redirect_problem(command.redirect, hostname))])
        yield CustomDomainRedirected(domain_id=command.domain_id, hostname=hostname, redirect=command.redirect)


def _checked(command: RecordCheck, state: CustomDomain, added: CustomDomainAdded) -> Iterator[Event]:
    """The attempt itself, and how the domain stands after it.

    Where nobody answered, nothing is known: that verifies nothing, and takes no verification away.
    """
    verdict = pointing.judged(added, command.seen, command.target)
    if state.status is DomainStatus.ABANDONED:
        if not command.asked:
            return
        yield VerificationResumed(domain_id=command.domain_id, hostname=added.hostname)
        state = evolve(state, VerificationResumed(domain_id=command.domain_id, hostname=added.hostname))
    outcome = [*_outcome(command, state, added.hostname, verdict)]
    unroute_at = next((fact.unroute_at for fact in outcome if isinstance(fact, VerificationLost)), state.unroute_at)
    yield _attempt(command, state, added.hostname, verdict, unroute_at)
    yield from outcome


def _attempt(
    command: RecordCheck, state: CustomDomain, hostname: str, verdict: Verdict, unroute_at: datetime | None
) -> Event:
    right = verdict.proven and verdict.pointing
    lacking_since = None if right else state.lacking_since or command.at
    following = command.at + (pause(command.at - lacking_since) if lacking_since else DAILY)
    if not verdict.proven and unroute_at and command.at < unroute_at:
        following = min(following, unroute_at)
    return CustomDomainChecked(
        domain_id=command.domain_id,
        hostname=hostname,
        attempt=state.attempts + 1,
        seen=command.seen,
        proven=verdict.proven,
        pointing=verdict.pointing,
        problem=verdict.problem,
        lacking_since=lacking_since,
        next_check_at=following,
    )


def pause(lacking: timedelta) -> timedelta:
    """How long until the next look at what has lacked for so long: half of that, so that pauses grow by a half."""
    return min(max(lacking / 2, FIRST_PAUSE), LONGEST_PAUSE)


def _outcome(command: RecordCheck, state: CustomDomain, hostname: str, verdict: Verdict) -> Iterator[Event]:
    identity, status = command.domain_id, state.status
    if verdict.proven:
        if status is not DomainStatus.VERIFIED:
            regained = status in {DomainStatus.LOSING, DomainStatus.UNROUTED}
            yield CustomDomainVerified(domain_id=identity, hostname=hostname, regained=regained)
        return
    problem = verdict.problem or ""
    if status is DomainStatus.VERIFIED and not command.seen.failure:
        unroute_at = command.at + command.grace
        yield VerificationLost(domain_id=identity, hostname=hostname, problem=problem, unroute_at=unroute_at)
    elif status is DomainStatus.LOSING and not command.seen.failure and _reached(command.at, state.unroute_at):
        yield CustomDomainUnrouted(domain_id=identity, hostname=hostname, problem=problem)
    elif _is_hopeless(command.at, state):
        yield VerificationAbandoned(domain_id=identity, hostname=hostname, problem=problem)


def _is_hopeless(at: datetime, state: CustomDomain) -> bool:
    match state.status:
        case DomainStatus.PENDING:
            return state.lacking_since is not None and at - state.lacking_since >= PENDING_PATIENCE
        case DomainStatus.UNROUTED:
            return state.unroute_at is not None and at - state.unroute_at >= LOST_PATIENCE
        case _:
            return False


def _reached(at: datetime, moment: datetime | None) -> bool:
    return moment is not None and at >= moment


def _is_known(news: CertificateNews, known: CertificateNews | None) -> bool:
    """Whether ``news`` says nothing that was not said: asking again after an answer is none."""
    match news:
        case CertificateRequested():
            return known is not None
        case CertificateIssued() | CertificateFailed():
            return news == known


DECIDER = Decider(category="custom-domain", initial=CustomDomain(), decide=decide, evolve=evolve)
