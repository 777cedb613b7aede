"""The audit trail: who did what, when, from where, and why; one sentence a fact."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, cast

from domain.account import AccountRegistered, ApiTokenIssued
from domain.catalogue import AnyFact
from domain.fact import Value, tag_of
from domain.history import Recorded
from domain.identifiers import AccountId, ApiTokenId, CausationId, RequestId, StreamName, TenantId
from domain.workspace import MemberJoined, WorkspaceCreated
from projections.changes import Change, Put, ReadModel, Row, Table
from projections.reading import Page, Paging, Reader, Selection, every
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
    indexes=(("tenant_id", "position"), ("tenant_id", "subject", "position"), ("tenant_id", "at")),
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


class Sought(Value):
    """Which facts an auditor wants to see; None and nothing is no bound.

    ``actor`` is an e-mail address, a part's name, or an account's id; ``types`` are tags; ``after`` and
    ``upto`` are positions. Of a span of time, rows come in the order of their time, else in that of their position.
    """

    tenant_id: TenantId | None = None
    actor: str | None = None
    types: tuple[str, ...] = ()
    subject: StreamName | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
    upto: int | None = None
    descending: bool = True

    def selection(self) -> Selection:
        """The rows that are meant."""
        return Selection(
            equal=self._equal(),
            at_least=_given({"at": self.since, "position": None if self.after is None else self.after + 1}),
            below=_given({"at": self.until, "position": None if self.upto is None else self.upto + 1}),
            order_by="at" if self.since or self.until else "position",
            descending=self.descending,
        )

    def _equal(self) -> dict[str, object]:
        equal = _given({"tenant_id": self.tenant_id, "subject": self.subject, "type": self.types or None})
        if self.actor is not None:
            equal[_column(self.actor)] = self.actor
        return equal


def _given(bounds: Mapping[str, object]) -> dict[str, object]:
    return {column: value for column, value in bounds.items() if value is not None}


def _column(actor: str) -> str:
    """An address has an at sign, a part of Shipbook is a word, and an id is long and has dashes."""
    return "account_id" if "@" not in actor and actor.count("-") == 4 else "actor_name"


async def listing(reader: Reader, sought: Sought, paging: Paging) -> Page[AuditRow]:
    """A page of the audit trail."""
    return await reader.select(AUDIT_TRAIL, sought.selection(), paging)


async def chain(
    reader: Reader, tenant: TenantId, began: StreamName, others: Sequence[StreamName], shared: StreamName
) -> list[AuditRow]:
    """The facts of the streams ``began`` and ``others``, and what their requests caused meanwhile in ``shared``."""
    streams = [Sought(tenant_id=tenant, subject=subject) for subject in (began, *others)]
    own = [row for sought in streams for row in await _facts(reader, sought)]
    if not own:
        return []
    first, last = min(row.position for row in own), max(row.position for row in own)
    meanwhile = await _facts(reader, Sought(tenant_id=tenant, subject=shared, after=first, upto=last))
    requests = {row.correlation_id for row in own}
    caused = [row for row in meanwhile if row.correlation_id in requests]
    return sorted([*own, *caused], key=lambda row: row.position)


async def _facts(reader: Reader, sought: Sought) -> list[AuditRow]:
    return await every(reader, AUDIT_TRAIL, sought.selection())
