"""A customer's own host name: who proved that it is theirs, and where its requests go.

A host name is kept in its ASCII form (RFC 5890), in lower case and without a final dot; ``*.example.com`` stands for
every name one label below ``example.com`` and is a name of its own.
"""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId, TenantId

WILDCARD = "*."
CHALLENGE = "_shipbook-challenge"


class DomainStatus(StrEnum):
    """How a domain stands. Requests are answered where it is verified or losing."""

    PENDING = "pending"
    VERIFIED = "verified"
    LOSING = "losing"
    """The proof is gone, and the grace runs."""
    UNROUTED = "unrouted"
    """The proof was gone for longer than the grace. It is looked for still."""
    ABANDONED = "abandoned"
    """It is looked for no more unless somebody asks, and another workspace may take the name."""


class Redirect(Value):
    """Requests are sent on to the host name ``to``, with the HTTP status 301 or 308."""

    to: str
    status: int = 308


class Seen(Value):
    """What the domain's authoritative name servers answered; ``failure`` says why they did not."""

    name_servers: tuple[str, ...] = ()
    txt: tuple[str, ...] = ()
    cname: str | None = None
    addresses: tuple[str, ...] = ()
    failure: str | None = None


class CustomDomainAdded(Fact, tag="custom-domain.added"):
    """Somebody wants a host name of theirs to show an environment. ``challenge`` is what its TXT record must hold."""

    domain_id: CustomDomainId
    project_id: ProjectId
    environment_id: EnvironmentId
    hostname: str
    challenge: str
    redirect: Redirect | None = None


class CustomDomainMoved(Fact, tag="custom-domain.moved"):
    """The domain shows another environment of its project."""

    domain_id: CustomDomainId
    hostname: str
    environment_id: EnvironmentId
    former: EnvironmentId


class CustomDomainRedirected(Fact, tag="custom-domain.redirected"):
    """Requests are sent on to another host name, or with None are answered by the environment again."""

    domain_id: CustomDomainId
    hostname: str
    redirect: Redirect | None


class CustomDomainChecked(Fact, tag="custom-domain.checked"):
    """The name servers were asked for the ``attempt``-th time. ``problem`` says for people what is still wrong.

    ``pointing``: requests reach this installation. ``lacking_since``: since then proof or pointing lacks.
    """

    domain_id: CustomDomainId
    hostname: str
    attempt: int
    seen: Seen
    proven: bool
    pointing: bool
    problem: str | None
    lacking_since: datetime | None
    next_check_at: datetime


class CustomDomainVerified(Fact, tag="custom-domain.verified"):
    """The domain is its workspace's: requests are answered. ``regained``: it was so before."""

    domain_id: CustomDomainId
    hostname: str
    regained: bool = False


class VerificationLost(Fact, tag="custom-domain.verification-lost"):
    """The proof is gone. Unless it comes back, requests are answered until ``unroute_at``."""

    domain_id: CustomDomainId
    hostname: str
    problem: str
    unroute_at: datetime


class CustomDomainUnrouted(Fact, tag="custom-domain.unrouted"):
    """The proof did not come back within the grace; requests are answered no more."""

    domain_id: CustomDomainId
    hostname: str
    problem: str


class VerificationAbandoned(Fact, tag="custom-domain.verification-abandoned"):
    """The proof did not come for days. The name is free for others, and nobody asks by themselves any more."""

    domain_id: CustomDomainId
    hostname: str
    problem: str


class VerificationResumed(Fact, tag="custom-domain.verification-resumed"):
    """Somebody asked for a domain that was abandoned; the name is theirs again as long as it is looked for."""

    domain_id: CustomDomainId
    hostname: str


class CertificateRequested(Fact, tag="custom-domain.certificate-requested"):
    """The edge asks the certificate authority for a certificate."""

    domain_id: CustomDomainId
    hostname: str


class CertificateIssued(Fact, tag="custom-domain.certificate-issued"):
    """The edge holds a certificate that is good until ``not_after``; ``issuer`` is its signer's common name."""

    domain_id: CustomDomainId
    hostname: str
    not_after: datetime
    issuer: str


class CertificateFailed(Fact, tag="custom-domain.certificate-failed"):
    """The certificate authority refused, or could not be asked."""

    domain_id: CustomDomainId
    hostname: str
    problem: str


class CustomDomainRemoved(Fact, tag="custom-domain.removed"):
    """The domain shows nothing here any more, and the name is free."""

    domain_id: CustomDomainId
    hostname: str


CertificateNews = CertificateRequested | CertificateIssued | CertificateFailed

Event = (
    CustomDomainAdded
    | CustomDomainMoved
    | CustomDomainRedirected
    | CustomDomainChecked
    | CustomDomainVerified
    | VerificationLost
    | CustomDomainUnrouted
    | VerificationAbandoned
    | VerificationResumed
    | CertificateRequested
    | CertificateIssued
    | CertificateFailed
    | CustomDomainRemoved
)


class CustomDomain(Value):
    """What later decisions need of a domain."""

    added: CustomDomainAdded | None = None
    environment_id: EnvironmentId = EnvironmentId("")
    redirect: Redirect | None = None
    status: DomainStatus = DomainStatus.PENDING
    attempts: int = 0
    lacking_since: datetime | None = None
    unroute_at: datetime | None = None
    certificate: CertificateNews | None = None
    removed: bool = False


def challenge(tenant: TenantId, hostname: str) -> str:
    """What proves in DNS that the workspace may have the name. It holds for this pair alone, and for ever.

    It need not be secret: whoever publishes it under a name agrees that this workspace has the name.
    """
    return "shipbook-" + sha256(f"{tenant}\0{hostname}".encode()).hexdigest()[:40]


def base(hostname: str) -> str:
    """The name without the wildcard, where it has one."""
    return hostname.removeprefix(WILDCARD)


def challenge_name(hostname: str) -> str:
    """Where the TXT record stands; that of ``*.example.com`` stands beside that of ``example.com``."""
    return f"{CHALLENGE}.{base(hostname)}"


def evolve(state: CustomDomain, fact: Event) -> CustomDomain:
    """The domain after ``fact``."""
    match fact:
        case CustomDomainAdded():
            return CustomDomain(added=fact, environment_id=fact.environment_id, redirect=fact.redirect)
        case CustomDomainMoved():
            return replace(state, environment_id=fact.environment_id)
        case CustomDomainRedirected():
            return replace(state, redirect=fact.redirect)
        case CustomDomainChecked():
            return replace(state, attempts=fact.attempt, lacking_since=fact.lacking_since)
        case CustomDomainVerified():
            return replace(state, status=DomainStatus.VERIFIED, unroute_at=None)
        case VerificationLost():
            return replace(state, status=DomainStatus.LOSING, unroute_at=fact.unroute_at)
        case CustomDomainUnrouted():
            return replace(state, status=DomainStatus.UNROUTED)
        case VerificationAbandoned():
            return replace(state, status=DomainStatus.ABANDONED)
        case VerificationResumed():
            return replace(state, status=DomainStatus.PENDING, lacking_since=None)
        case CertificateRequested() | CertificateIssued() | CertificateFailed():
            return replace(state, certificate=fact)
        case CustomDomainRemoved():
            return replace(state, removed=True)
