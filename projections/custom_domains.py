"""Custom domains: how their proof stands, and their certificates."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

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
    DomainStatus,
    Event,
    Redirect,
    Seen,
    VerificationAbandoned,
    VerificationLost,
    VerificationResumed,
)
from domain.history import Recorded
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId, TenantId
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import LARGEST_PAGE, Page, Paging, Reader, Selection, every

FIRST_LOOK = timedelta(minutes=1)
"""So long after it was added a domain is looked for first."""

CertificateState = Literal["none", "requested", "issued", "failed"]


class CustomDomainRow(Row):
    """A custom domain. ``routed``: requests are answered; ``watched``: it is looked for at ``next_check_at``.

    ``unroute_at`` is set while a lost proof is waited for. ``revision`` is the stream's version.
    """

    id: CustomDomainId
    tenant_id: TenantId
    project_id: ProjectId
    environment_id: EnvironmentId
    hostname: str
    challenge: str
    redirect: Redirect | None
    status: DomainStatus
    routed: bool
    watched: bool
    proven: bool
    pointing: bool
    problem: str | None
    seen: Seen | None
    attempts: int
    checked_at: datetime | None
    next_check_at: datetime
    verified_at: datetime | None
    unroute_at: datetime | None
    certificate: CertificateState
    certificate_expires_at: datetime | None
    certificate_issuer: str | None
    certificate_problem: str | None
    created_at: datetime
    updated_at: datetime
    created_by: str
    revision: int


CUSTOM_DOMAINS = Table(
    "custom_domains",
    CustomDomainRow,
    key=("id",),
    indexes=(
        ("tenant_id", "project_id", "hostname"),
        ("tenant_id", "environment_id", "hostname"),
        ("watched", "next_check_at"),
        ("routed", "hostname"),
    ),
)


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of custom domains."""
    match recorded.fact:
        case CustomDomainAdded() as fact:
            return [Put(CUSTOM_DOMAINS, _added(fact, recorded))]
        case CustomDomainRemoved() as fact:
            return [Remove(CUSTOM_DOMAINS, fact.domain_id)]
        case CustomDomainMoved() as fact:
            moved = {"environment_id": fact.environment_id, "next_check_at": recorded.context.at}
            return [_patch(fact.domain_id, recorded, **moved)]
        case CustomDomainRedirected() as fact:
            return [_patch(fact.domain_id, recorded, redirect=fact.redirect)]
        case CustomDomainChecked() as fact:
            return [_checked(fact, recorded)]
        case (
            CustomDomainVerified()
            | VerificationLost()
            | CustomDomainUnrouted()
            | VerificationAbandoned()
            | VerificationResumed()
        ) as fact:
            return [_patch(fact.domain_id, recorded, **_standing(fact, recorded))]
        case CertificateRequested() | CertificateIssued() | CertificateFailed() as fact:
            return [_patch(fact.domain_id, recorded, **_certificate(fact))]
        case _:
            return []


def _added(fact: CustomDomainAdded, recorded: Recorded) -> CustomDomainRow:
    at = recorded.context.at
    return CustomDomainRow(
        id=fact.domain_id,
        tenant_id=recorded.context.tenant_id,
        project_id=fact.project_id,
        environment_id=fact.environment_id,
        hostname=fact.hostname,
        challenge=fact.challenge,
        redirect=fact.redirect,
        status=DomainStatus.PENDING,
        routed=False,
        watched=True,
        proven=False,
        pointing=False,
        problem=None,
        seen=None,
        attempts=0,
        checked_at=None,
        next_check_at=at + FIRST_LOOK,
        verified_at=None,
        unroute_at=None,
        certificate="none",
        certificate_expires_at=None,
        certificate_issuer=None,
        certificate_problem=None,
        created_at=at,
        updated_at=at,
        created_by=recorded.context.actor.name,
        revision=recorded.version,
    )


def _checked(fact: CustomDomainChecked, recorded: Recorded) -> Patch:
    return _patch(
        fact.domain_id,
        recorded,
        proven=fact.proven,
        pointing=fact.pointing,
        problem=fact.problem,
        seen=fact.seen,
        attempts=fact.attempt,
        checked_at=recorded.context.at,
        next_check_at=fact.next_check_at,
    )


def _standing(
    fact: CustomDomainVerified | VerificationLost | CustomDomainUnrouted | VerificationAbandoned | VerificationResumed,
    recorded: Recorded,
) -> dict[str, object]:
    match fact:
        case CustomDomainVerified():
            verified = {"verified_at": recorded.context.at, "unroute_at": None}
            return {"status": DomainStatus.VERIFIED, "routed": True, **verified}
        case VerificationLost():
            return {"status": DomainStatus.LOSING, "unroute_at": fact.unroute_at}
        case CustomDomainUnrouted():
            return {"status": DomainStatus.UNROUTED, "routed": False, "unroute_at": None}
        case VerificationAbandoned():
            return {"status": DomainStatus.ABANDONED, "watched": False}
        case VerificationResumed():
            return {"status": DomainStatus.PENDING, "watched": True}


def _certificate(fact: CertificateRequested | CertificateIssued | CertificateFailed) -> dict[str, object]:
    match fact:
        case CertificateRequested():
            return {"certificate": "requested", "certificate_problem": None}
        case CertificateIssued():
            known = {"certificate_expires_at": fact.not_after, "certificate_issuer": fact.issuer}
            return {"certificate": "issued", "certificate_problem": None, **known}
        case CertificateFailed():
            return {"certificate": "failed", "certificate_problem": fact.problem}


def _patch(domain_id: CustomDomainId, recorded: Recorded, **fields: object) -> Patch:
    return Patch(CUSTOM_DOMAINS, domain_id, {**fields, "updated_at": recorded.context.at, "revision": recorded.version})


MODEL = ReadModel("custom_domains", [CUSTOM_DOMAINS], project, Event)


async def find(reader: Reader, tenant: TenantId, domain_id: CustomDomainId) -> CustomDomainRow | None:
    """One custom domain."""
    return await reader.one(CUSTOM_DOMAINS, {"tenant_id": tenant, "id": domain_id})


async def listing(
    reader: Reader,
    tenant: TenantId,
    project_id: ProjectId,
    paging: Paging,
    *,
    environment_id: EnvironmentId | None = None,
    status: DomainStatus | None = None,
) -> Page[CustomDomainRow]:
    """A project's domains by name; of one environment or status where given."""
    wanted = {"environment_id": environment_id, "status": status}
    equal = {"tenant_id": tenant, "project_id": project_id}
    equal |= {column: value for column, value in wanted.items() if value}
    return await reader.select(CUSTOM_DOMAINS, Selection(equal=equal, order_by="hostname"), paging)


async def of_environment(reader: Reader, tenant: TenantId, environment_id: EnvironmentId) -> list[CustomDomainRow]:
    """An environment's domains, by name."""
    equal = {"tenant_id": tenant, "environment_id": environment_id}
    return await every(reader, CUSTOM_DOMAINS, Selection(equal=equal, order_by="hostname"))


async def routed(reader: Reader) -> list[CustomDomainRow]:
    """Every domain of the whole plane at which requests are answered; for the edge."""
    return await every(reader, CUSTOM_DOMAINS, Selection(equal={"routed": True}, order_by="hostname"))


async def watched(reader: Reader) -> list[CustomDomainRow]:
    """Every domain of the whole plane that is looked for."""
    return await every(reader, CUSTOM_DOMAINS, Selection(equal={"watched": True}, order_by="next_check_at"))


async def due(reader: Reader, now: datetime) -> list[CustomDomainRow]:
    """Those of the whole plane that are to be looked for, the longest due first; at most a page."""
    selection = Selection(equal={"watched": True}, order_by="next_check_at")
    page = await reader.select(CUSTOM_DOMAINS, selection, Paging(size=LARGEST_PAGE))
    return [row for row in page.rows if row.next_check_at <= now]
