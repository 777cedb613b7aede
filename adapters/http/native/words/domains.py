"""Custom domains, and the DNS records that they need."""

from collections.abc import Iterator
from ipaddress import ip_address

from adapters.hostnames import displayed
from adapters.http.native.wire.domains import CertificateOut, DomainOut, RecordOut, SeenOut
from adapters.settings import Settings
from domain.custom_domain import WILDCARD, Seen, base, challenge_name
from projections.custom_domains import CustomDomainRow


def url(settings: Settings, row: CustomDomainRow) -> str:
    """Where a domain answers: over HTTPS once it has a certificate. A wildcard's hosts get theirs at a visit."""
    secure = settings.edge_tls and (row.certificate_expires_at or (row.routed and row.hostname.startswith(WILDCARD)))
    address = settings.edge_tls if settings.edge_tls and secure else settings.edge
    scheme, usual = ("https", 443) if secure else ("http", 80)
    return f"{scheme}://{row.hostname}" + ("" if address.port == usual else f":{address.port}")


def domain(row: CustomDomainRow, host: str, settings: Settings) -> DomainOut:
    """A custom domain whose environment answers at ``host`` as well."""
    return DomainOut(
        id=row.id,
        project_id=row.project_id,
        environment_id=row.environment_id,
        hostname=row.hostname,
        display_name=displayed(row.hostname),
        url=url(settings, row),
        redirect_to=row.redirect.to if row.redirect else None,
        redirect_status=row.redirect.status if row.redirect else None,
        status=row.status,
        live=row.routed,
        proven=row.proven,
        points_here=row.pointing,
        problem=row.problem,
        records=[*_records(row, host, settings)],
        certificate=certificate(row),
        seen=seen(row.seen) if row.seen else None,
        attempts=row.attempts,
        checked_at=row.checked_at,
        next_check_at=row.next_check_at if row.watched else None,
        verified_at=row.verified_at,
        unroute_at=row.unroute_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        created_by=row.created_by,
    )


def certificate(row: CustomDomainRow) -> CertificateOut:
    """How it stands with the certificate."""
    wildcard = row.hostname.startswith(WILDCARD)
    return CertificateOut(
        status="per-host" if wildcard else row.certificate,
        expires_at=row.certificate_expires_at,
        issuer=row.certificate_issuer,
        problem=row.certificate_problem,
    )


def seen(found: Seen) -> SeenOut:
    """What name servers answered."""
    return SeenOut(
        name_servers=list(found.name_servers),
        txt=list(found.txt),
        cname=found.cname,
        addresses=list(found.addresses),
        failure=found.failure,
    )


def _records(row: CustomDomainRow, host: str, settings: Settings) -> Iterator[RecordOut]:
    found = row.seen if row.seen and row.seen.failure is None else None
    yield RecordOut(
        type="TXT",
        name=challenge_name(row.hostname),
        value=row.challenge,
        purpose="Proves that the domain is yours. Let it stand as long as the domain is to show your application.",
        found=row.challenge in found.txt if found else None,
    )
    yield RecordOut(
        type="CNAME",
        name=row.hostname,
        value=host,
        purpose="Brings requests here. Not possible for the top of a zone, such as "
        f"{base(row.hostname) if row.hostname.count('.') == 1 else 'example.com'}: there, use A and AAAA, "
        "or what your provider calls ALIAS or ANAME.",
        found=found.cname == host if found else None,
    )
    for address in settings.addresses:
        yield RecordOut(
            type="A" if ip_address(address).version == 4 else "AAAA",
            name=row.hostname,
            value=address,
            purpose="Brings requests here, where CNAME is not possible.",
            found=address in found.addresses if found else None,
        )
