"""What a custom domain may live through."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from domain.custom_domain import (
    CertificateFailed,
    CertificateIssued,
    CertificateRequested,
    CustomDomainAdded,
    CustomDomainChecked,
    CustomDomainMoved,
    CustomDomainRedirected,
    CustomDomainRemoved,
    CustomDomainUnrouted,
    CustomDomainVerified,
    Redirect,
    Seen,
    VerificationAbandoned,
    VerificationLost,
    VerificationResumed,
)
from domain.fact import Fact
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId

AT = datetime(2026, 1, 2, tzinfo=UTC)
HOST = "www.example.com"
APEX = Redirect(to="example.com", status=301)


def checked(domain: CustomDomainId, attempt: int, *, proven: bool) -> CustomDomainChecked:
    """A look at the domain's name servers."""
    seen = Seen(name_servers=("ns.example.com",), txt=("shipbook-1",), addresses=("192.0.2.7",))
    return CustomDomainChecked(
        domain_id=domain,
        hostname=HOST,
        attempt=attempt,
        seen=seen,
        proven=proven,
        pointing=proven,
        problem=None if proven else "There is no TXT record.",
        lacking_since=None if proven else AT,
        next_check_at=AT,
    )


def life(domain: CustomDomainId, project: ProjectId) -> Iterator[Fact]:
    """A domain that is proven, changed, lost, given up, taken up again, and removed."""
    live, staging = EnvironmentId("production"), EnvironmentId("staging")
    named: dict[str, Any] = {"domain_id": domain, "hostname": HOST}
    gone = {**named, "problem": "There is no TXT record."}
    yield CustomDomainAdded(project_id=project, environment_id=live, challenge="shipbook-1", **named)
    yield checked(domain, 1, proven=False)
    yield checked(domain, 2, proven=True)
    yield CustomDomainVerified(**named)
    yield CertificateRequested(**named)
    yield CertificateFailed(**gone)
    yield CertificateIssued(not_after=AT, issuer="R11", **named)
    yield CustomDomainRedirected(redirect=APEX, **named)
    yield CustomDomainMoved(environment_id=staging, former=live, **named)
    yield VerificationLost(unroute_at=AT, **gone)
    yield CustomDomainVerified(regained=True, **named)
    yield VerificationLost(unroute_at=AT, **gone)
    yield CustomDomainUnrouted(**gone)
    yield VerificationAbandoned(**gone)
    yield VerificationResumed(**named)
    yield CustomDomainRemoved(**named)
