"""The audit trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from adapters.http.native.wire.shapes import In, Out, Reason, said
from domain.audit import ExportFormat
from domain.identifiers import AccountId, ApiTokenId, DeploymentId, StreamName, TenantId


class AuditOut(Out):
    """Something that happened, as an auditor reads it."""

    position: int
    at: datetime
    tenant_id: TenantId
    type: str
    subject: StreamName
    message: str
    reason: str | None
    actor: str
    actor_kind: Literal["account", "token", "system"]
    account_id: AccountId | None
    token_id: ApiTokenId | None
    address: str | None
    user_agent: str | None
    correlation_id: str
    causation_id: str


class AuditExport(In):
    """Take the audit trail elsewhere. The export is itself a fact in it."""

    format: ExportFormat = ExportFormat.NDJSON
    actor: Annotated[str | None, said("An e-mail address, a part's name, or an account's id.")] = None
    action: Annotated[str | None, said("A type, or the beginning of types.", "secret.set", "deployment.*")] = None
    subject: Annotated[StreamName | None, said("One thing, such as project-<id>.")] = None
    since: datetime | None = None
    until: datetime | None = None
    after: Annotated[int | None, said("Only facts behind this position.")] = None
    reason: Reason | None = None


class Asking(Out):
    """The request that began it."""

    at: datetime
    actor: str
    actor_kind: Literal["account", "token", "system"]
    token_id: ApiTokenId | None
    address: str | None
    user_agent: str | None
    correlation_id: str


class Why(Out):
    """Why a deployment is as it is: what began it, and everything that followed from that, in its order."""

    deployment_id: DeploymentId
    ref: str
    status: str
    request: Asking
    hops: Sequence[AuditOut]
