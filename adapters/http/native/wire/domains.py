"""Custom domains."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from adapters.http.native.wire.shapes import In, Out, said
from domain.custom_domain import DomainStatus
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId

Host = Annotated[str, said("A host name, as people write it.", "www.example.com", "*.example.com")]
RedirectTo = Annotated[str | None, said("Send requests on to this host name instead of answering them.", "example.com")]
RedirectStatus = Annotated[Literal[301, 308], said("308 keeps the method and the body; 301 is the older one.")]


class DomainCreation(In):
    """Let an environment answer at a host name of yours."""

    hostname: Host
    environment_id: Annotated[EnvironmentId | None, said("Which answers; else production.")] = None
    redirect_to: RedirectTo = None
    redirect_status: RedirectStatus = 308


class DomainPatch(In):
    """Changes of a domain; what is left out stays, and null for redirectTo answers requests again."""

    environment_id: EnvironmentId | UnsetType = UNSET
    redirect_to: RedirectTo | UnsetType = UNSET
    redirect_status: RedirectStatus = 308


class RecordOut(Out):
    """A DNS record to set where the domain's zone is kept. ``found``: the last look saw it so; null before one."""

    type: Literal["TXT", "CNAME", "A", "AAAA"]
    name: str
    value: str
    purpose: Annotated[str, said("What it is for, and whether there is a choice.")]
    found: bool | None


class SeenOut(Out):
    """What the domain's own name servers answered. ``failure`` says why they did not."""

    name_servers: list[str]
    txt: list[str]
    cname: str | None
    addresses: list[str]
    failure: str | None


class CertificateOut(Out):
    """The certificate for HTTPS. A wildcard's hosts get one each at their first visit (``per-host``)."""

    status: Literal["none", "requested", "issued", "failed", "per-host"]
    expires_at: datetime | None
    issuer: str | None
    problem: str | None


class DomainOut(Out):
    """A custom domain. ``problem`` says what is still wrong, and ``records`` what to set.

    ``losing``: its proof is gone, and it is answered until ``unrouteAt`` unless that comes back.
    """

    id: CustomDomainId
    project_id: ProjectId
    environment_id: EnvironmentId
    hostname: Annotated[str, said("In its ASCII form.", "xn--bcher-kva.example")]
    display_name: Annotated[str, said("The same for people.", "bücher.example")]
    url: str
    redirect_to: str | None
    redirect_status: int | None
    status: DomainStatus
    live: Annotated[bool, said("Whether requests for it are answered.")]
    proven: Annotated[bool, said("Whether the TXT record is there.")]
    points_here: Annotated[bool, said("Whether requests come here, as far as the DNS says.")]
    problem: str | None
    records: list[RecordOut]
    certificate: CertificateOut
    seen: SeenOut | None
    attempts: int
    checked_at: datetime | None
    next_check_at: datetime | None
    verified_at: datetime | None
    unroute_at: datetime | None
    created_at: datetime
    updated_at: datetime
    created_by: str
