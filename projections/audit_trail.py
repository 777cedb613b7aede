"""The audit trail: who did what, when, from where, and why; one sentence a fact."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, cast

from domain.account import AccountRegistered, ApiTokenIssued
from domain.catalogue import AnyFact
from domain.fact import tag_of
from domain.history import Recorded
from domain.identifiers import AccountId, ApiTokenId, CausationId, RequestId, StreamName, TenantId
from domain.workspace import MemberJoined, WorkspaceCreated
from projections.changes import Change, Put, ReadModel, Row, Table
from projections.reading import Page, Paging, Reader, Selection
from projections.sentences import sentence


class AuditRow(Row):
    """A fact as an auditor reads it. ``subject`` is its stream, ``actor_name`` an e-mail address or a part's name."""

    position: int
    tenant_id: TenantId
    at: datetime
    type: str
    subject: StreamName
    sentence: str
    reason: str | None
    actor_kind: Literal["account", "token", "system"]
    actor_name: str
    account_id: AccountId | None
    token_id: ApiTokenId | None
    address: str | None
    user_agent: str | None
    correlation_id: RequestId
    causation_id: CausationId


AUDIT_TRAIL = Table(
    "audit_trail",
    AuditRow,
    key=("position",),
    indexes=(("tenant_id", "position"), ("tenant_id", "subject", "position")),
)


def project(recorded: Recorded) -> Sequence[Change]:
    """The audit trail's row of a fact."""
    return [Put(AUDIT_TRAIL, _row(cast("AnyFact", recorded.fact), recorded))]


def _row(fact: AnyFact, recorded: Recorded) -> AuditRow:
    context, actor = recorded.context, recorded.context.actor
    return AuditRow(
        position=recorded.position,
        tenant_id=tenant_of(recorded),
        at=context.at,
        type=tag_of(fact),
        subject=recorded.stream,
        sentence=sentence(fact, actor.name),
        reason=context.reason,
        actor_kind=actor.kind,
        actor_name=actor.name,
        account_id=actor.account_id,
        token_id=actor.token_id,
        address=actor.address,
        user_agent=actor.user_agent,
        correlation_id=context.correlation_id,
        causation_id=context.causation_id,
    )


def tenant_of(recorded: Recorded) -> TenantId:
    """The workspace that the fact names; else the one in which it was caused."""
    match recorded.fact:
        case ApiTokenIssued() | WorkspaceCreated() | MemberJoined() as fact:
            return fact.tenant_id
        case AccountRegistered() as fact:
            return fact.workspace_id
        case _:
            return recorded.context.tenant_id


MODEL = ReadModel("audit_trail", [AUDIT_TRAIL], project)


async def listing(
    reader: Reader,
    tenant: TenantId,
    paging: Paging,
    *,
    subject: StreamName | None = None,
    types: tuple[str, ...] = (),
) -> Page[AuditRow]:
    """The workspace's audit trail, the newest first; of one subject, or of some types of facts, where given."""
    equal: dict[str, object] = {"tenant_id": tenant}
    if subject:
        equal["subject"] = subject
    if types:
        equal["type"] = types
    return await reader.select(AUDIT_TRAIL, Selection(equal=equal, order_by="position", descending=True), paging)
