"""The audit trail."""

from adapters.http.native.wire.secrets import AuditOut
from projections.audit_trail import AuditRow


def audit(row: AuditRow) -> AuditOut:
    """A line of the audit trail."""
    return AuditOut(
        position=row.position,
        at=row.at,
        type=row.type,
        subject=row.subject,
        message=row.sentence,
        reason=row.reason,
        actor=row.actor_name,
        actor_kind=row.actor_kind,
        account_id=row.account_id,
        token_id=row.token_id,
        address=row.address,
        user_agent=row.user_agent,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
    )
