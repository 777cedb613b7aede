"""Asking for a deployment: what it takes from the project at this moment, and its number."""

from commands import deployment, project, repository
from commands.deployment import QueueDeployment, require_deployment
from commands.freezing import thawed
from commands.handling import Caused, Handler
from commands.ports import Numbers, Request
from commands.project import require_environment
from commands.repository import require_connected
from domain.deployment import Approval, Recipe
from domain.history import Context
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId
from domain.project import DeployRules, Project
from domain.rejection import Conflict

SERIES = "deployment"


async def trigger(
    handler: Handler,
    numbers: Numbers,
    context: Context,
    *,
    deployment_id: DeploymentId,
    project_id: ProjectId,
    environment_id: EnvironmentId,
    branch: str | None = None,
    commit: str | None = None,
    note: str | None = None,
    retry_of: DeploymentId | None = None,
    promotes: ReleaseId | None = None,
    override: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Queue a deployment of the environment's branch, or another, with the project's recipe as it stands.

    ``promotes`` is a release that is made live instead of building; ``override`` is why that is done although
    deployments may be frozen. Raises ``NotFound`` for an unknown project, environment or connection, ``Conflict`` for
    an archived project and where deployments are frozen.
    """
    if caused := await handler.replay(deployment.DECIDER, deployment_id, context, request):
        return caused
    state = await handler.state(project.DECIDER, project_id, context.tenant_id)
    environment = require_environment(state, environment_id)
    if state.archived:
        raise Conflict("The project is archived. Set its status to 'active' first.", code="project_archived")
    require_connected(await handler.state(repository.DECIDER, state.connection_id, context.tenant_id))
    overridden = await thawed(handler, context, project_id, environment_id, override)
    queue = QueueDeployment(
        deployment_id=deployment_id,
        number=await numbers.following(context.tenant_id, SERIES),
        project_id=project_id,
        environment_id=environment_id,
        branch=branch or environment.branch,
        recipe=recipe(state),
        commit=commit,
        note=note,
        retry_of=retry_of,
        approval=_approval(environment.rules, context),
        supersedes_older=environment.rules.superseding,
        promotes=promotes,
        override=overridden,
    )
    return await handler.handle(queue, context, request=request)


async def retry(
    handler: Handler,
    numbers: Numbers,
    context: Context,
    *,
    deployment_id: DeploymentId,
    former: DeploymentId,
    override: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Queue the commit of an ended deployment again, with the project's recipe of this moment."""
    state = await handler.state(deployment.DECIDER, former, context.tenant_id)
    queued = require_deployment(state)
    if not state.status.ended:
        raise Conflict("The deployment has not ended yet. Cancel it first.", code="deployment_open")
    return await trigger(
        handler,
        numbers,
        context,
        deployment_id=deployment_id,
        project_id=queued.project_id,
        environment_id=queued.environment_id,
        branch=queued.branch,
        commit=state.commit or queued.commit,
        note=queued.note,
        retry_of=former,
        promotes=queued.promotes,
        override=override,
        request=request,
    )


def _approval(rules: DeployRules, context: Context) -> Approval | None:
    if not rules.protected:
        return None
    return Approval(not_by=context.actor.account_id if rules.approval_by_another else None)


def recipe(state: Project) -> Recipe:
    """What a build takes from the project."""
    return Recipe(
        type=state.type,
        connection_id=state.connection_id,
        root_directory=state.root_directory,
        build=state.build,
        runtime=state.runtime,
    )
