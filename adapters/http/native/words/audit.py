"""The audit trail."""

from collections.abc import Sequence

from adapters.http.native.wire.audit import Asking, AuditOut, Why
from adapters.http.native.words.deployments import STATUS
from projections.audit_trail import AuditRow
from projections.deployments import DeploymentRow


def audit(row: AuditRow) -> AuditOut:
    """A line of the audit trail."""
    return AuditOut(
        position=row.position,
        at=row.at,
        tenant_id=row.tenant_id,
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


def why(deployment: DeploymentRow, chain: Sequence[AuditRow]) -> Why:
    """What began a deployment, and what followed; ``chain`` begins with its first fact."""
    first = chain[0]
    return Why(
        deployment_id=deployment.id,
        ref=deployment.ref,
        status=STATUS[deployment.status],
        request=Asking(
            at=first.at,
            actor=first.actor_name,
            actor_kind=first.actor_kind,
            token_id=first.token_id,
            address=first.address,
            user_agent=first.user_agent,
            correlation_id=first.correlation_id,
        ),
        hops=[audit(row) for row in chain],
    )
