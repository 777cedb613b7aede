"""Approving a deployment that waits, unless deployments are frozen meanwhile."""

from commands import deployment
from commands.deployment import ApproveDeployment, require_deployment
from commands.freezing import thawed
from commands.handling import Caused, Handler
from commands.ports import Request
from domain.history import Context
from domain.identifiers import DeploymentId


async def approve(
    handler: Handler,
    context: Context,
    *,
    deployment_id: DeploymentId,
    reason: str | None = None,
    override: bool = False,
    request: Request | None = None,
) -> Caused:
    """Let the deployment be done, as the account of the context. Raises ``Conflict``, ``Forbidden``, ``NotFound``."""
    if caused := await handler.replay(deployment.DECIDER, deployment_id, context, request):
        return caused
    state = await handler.state(deployment.DECIDER, deployment_id, context.tenant_id)
    queued = require_deployment(state)
    why = (reason or "") if override else None
    command = ApproveDeployment(
        deployment_id=deployment_id,
        account_id=context.actor.account_id,
        reason=reason,
        override=await thawed(handler, context, queued.project_id, queued.environment_id, why),
    )
    return await handler.handle(command, context, request=request)
