"""Promoting: make a release of one environment live in another of the project, without building."""

from commands import deployment, environment, release
from commands.handling import Caused, Handler
from commands.keeping import require_kept
from commands.ports import Numbers, Request
from commands.release import require_release
from commands.triggering import trigger
from domain.history import Context
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId
from domain.rejection import Conflict, NotFound


async def promote(
    handler: Handler,
    numbers: Numbers,
    context: Context,
    *,
    deployment_id: DeploymentId,
    project_id: ProjectId,
    environment_id: EnvironmentId,
    release_id: ReleaseId,
    note: str | None = None,
    override: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Queue a deployment of the release's artifact. Raises ``NotFound`` and ``Conflict`` as ``trigger`` does."""
    if caused := await handler.replay(deployment.DECIDER, deployment_id, context, request):
        return caused
    cut = require_release(await handler.state(release.DECIDER, release_id, context.tenant_id))
    if cut.project_id != project_id:
        raise NotFound("The project has no such release.")
    if cut.environment_id == environment_id:
        raise Conflict("The release is this environment's own. Roll back to it instead.", code="own_release")
    require_kept(release_id, await handler.state(environment.DECIDER, cut.environment_id, context.tenant_id))
    return await trigger(
        handler,
        numbers,
        context,
        deployment_id=deployment_id,
        project_id=project_id,
        environment_id=environment_id,
        branch=cut.branch,
        commit=cut.commit,
        note=note,
        promotes=release_id,
        override=override,
        request=request,
    )
