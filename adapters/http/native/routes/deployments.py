"""Deployments: asking for them, watching them, stopping them."""

import asyncio
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS, require_access
from adapters.http.native import reading, words
from adapters.http.native.limits import say_quota
from adapters.http.native.routes.environments import ENVIRONMENT
from adapters.http.native.routes.projects import PROJECT
from adapters.http.native.wire.deployments import (
    ApprovalIn,
    Cancellation,
    DeploymentDetail,
    DeploymentOut,
    Lines,
    Promotion,
    RejectionIn,
    Retrial,
    Trigger,
)
from adapters.http.paging import Asked, Listing
from commands import approving, promoting, triggering
from commands.deployment import CancelDeployment, RejectDeployment
from domain.access import Access
from domain.deployment import Status
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, build_log
from projections import deployments, environments, projects, releases
from projections.deployments import DeploymentRow

DEPLOYMENT = "/tenants/{tenant_id:str}/deployments/{deployment_id:str}"


@post(ENVIRONMENT + "/deployments", opt={NEEDS: Access.DEPLOY})
async def trigger_deployment(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    call: NamedDependency[Call],
    data: JSONBody[Trigger | None] = None,
) -> Answer[DeploymentOut]:
    """Trigger a deploy.

    Of the environment's branch, another one, or one commit, with the project's configuration of this moment.
    """
    deployment_id, wanted = DeploymentId(call.new("deployment")), data or Trigger()
    await call.perform(
        triggering.trigger(
            call.handler,
            call.parts.numbers,
            call.because(wanted.reason),
            deployment_id=deployment_id,
            project_id=project_id,
            environment_id=environment_id,
            branch=wanted.branch,
            commit=wanted.commit,
            note=wanted.note,
            override=_override(call, wanted),
            request=call.request,
        )
    )
    await say_quota(call)
    return await _shown(call, deployment_id, status=201)


@get(PROJECT + "/deployments")
async def list_deployments(
    project_id: FromPath[ProjectId],
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    environment_id: Annotated[EnvironmentId | None, QueryParameter(name="environmentId")] = None,
    status: Annotated[list[Status] | None, QueryParameter(description="Only these; may be repeated.")] = None,
) -> Listing[DeploymentOut]:
    """List a project's deployments, the newest first."""
    statuses = tuple(status or ())
    listed = deployments.listed(call.tenant, project_id, asked.paging, environment_id=environment_id, statuses=statuses)
    owner, places, page = await call.reader.pages(
        projects.only(call.tenant, project_id), environments.places(call.tenant, project_id), listed
    )
    existing(owner.rows or None, "project")
    urls = {row.id: _url(call, row.label) for row in places.rows}
    earlier = await deployments.superseded(call.reader, page.rows)
    return call.listed(
        page,
        asked,
        lambda row: words.deployments.deployment(row, urls.get(row.environment_id), earlier.get(row.id, ())),
    )


@get(DEPLOYMENT)
async def show_deployment(
    deployment_id: FromPath[DeploymentId], call: NamedDependency[Call]
) -> Answer[DeploymentDetail]:
    """Show a deployment: status, error, release, events and steps."""
    row = await _found(call, deployment_id)
    address, earlier, cut, events, steps = await asyncio.gather(
        _address(call, row),
        deployments.superseded(call.reader, [row]),
        _release(call, row),
        deployments.events(call.reader, call.tenant, row.id),
        deployments.steps(call.reader, call.tenant, row),
    )
    return call.shown(
        row.version, words.deployments.deployment_detail(row, address, earlier.get(row.id, ()), cut, events, steps)
    )


@get(DEPLOYMENT + "/logs")
async def list_build_logs(
    deployment_id: FromPath[DeploymentId],
    call: NamedDependency[Call],
    after: reading.After = 0,
    limit: reading.Limit = reading.MOST_LINES,
) -> Lines:
    """Show build logs: the lines after a seq."""
    row = await _found(call, deployment_id)
    return await reading.lines(call, build_log(row.id), after, limit)


@get(DEPLOYMENT + "/logs/text", media_type="text/plain")
async def download_build_log(
    deployment_id: FromPath[DeploymentId],
    call: NamedDependency[Call],
    after: reading.After = 0,
) -> ASGIResponse:
    """Download the build log as plain text.

    All lines behind ``after`` that are stored, each ended by a line feed. It is the quickest way to a whole log.
    """
    row = await _found(call, deployment_id)
    return await reading.text(call, build_log(row.id), after)


@get(DEPLOYMENT + "/stream", media_type="text/event-stream")
async def follow_deployment(
    request: Request[Any, Any, Any],
    deployment_id: FromPath[DeploymentId],
    call: NamedDependency[Call],
    after: reading.After = 0,
) -> ASGIResponse:
    """Follow build logs and status, live.

    Server-Sent Events, JSON lines for ``Accept: application/x-ndjson``, or a WebSocket for who asks for an upgrade.
    Each message is a JSON frame: ``log`` with ``seq``, ``status`` whenever it changes, and one ``done`` at the end.
    Reconnect with ``after``, the last ``seq``, or with ``Last-Event-ID``; who has had the end is answered 204.
    """
    row = await _found(call, deployment_id)
    return await reading.stream(request, call, build_log(row.id), after, row)


@post(DEPLOYMENT + "/cancel", opt={NEEDS: Access.DEPLOY})
async def cancel_deployment(
    deployment_id: FromPath[DeploymentId], call: NamedDependency[Call], data: JSONBody[Cancellation | None] = None
) -> Answer[DeploymentOut]:
    """Cancel a deployment.

    Its build is killed; what is live stays live.
    """
    reason = data.reason if data else None
    command = CancelDeployment(deployment_id=deployment_id, reason=reason)
    await call.perform(call.handler.handle(command, call.because(reason), request=call.request))
    return await _shown(call, deployment_id, status=201)


@post(DEPLOYMENT + "/retry", opt={NEEDS: Access.DEPLOY})
async def retry_deployment(
    deployment_id: FromPath[DeploymentId], call: NamedDependency[Call], data: JSONBody[Retrial | None] = None
) -> Answer[DeploymentOut]:
    """Deploy the same commit again.

    With the project's configuration of this moment; the answer is the new deployment.
    """
    new, wanted = DeploymentId(call.new("deployment")), data or Retrial()
    await call.perform(
        triggering.retry(
            call.handler,
            call.parts.numbers,
            call.because(wanted.reason),
            deployment_id=new,
            former=deployment_id,
            override=_override(call, wanted),
            request=call.request,
        )
    )
    return await _shown(call, new, status=201)


@post(DEPLOYMENT + "/approve", opt={NEEDS: Access.ADMIN})
async def approve_deployment(
    deployment_id: FromPath[DeploymentId], call: NamedDependency[Call], data: JSONBody[ApprovalIn | None] = None
) -> Answer[DeploymentOut]:
    """Approve a deployment that waits.

    It is queued then. Where the environment says so, not by who asked for it.
    """
    wanted = data or ApprovalIn()
    await call.perform(
        approving.approve(
            call.handler,
            call.because(wanted.reason),
            deployment_id=deployment_id,
            reason=wanted.reason,
            override=wanted.override,
            request=call.request,
        )
    )
    await say_quota(call)
    return await _shown(call, deployment_id, status=201)


@post(DEPLOYMENT + "/reject", opt={NEEDS: Access.ADMIN})
async def reject_deployment(
    deployment_id: FromPath[DeploymentId], call: NamedDependency[Call], data: JSONBody[RejectionIn | None] = None
) -> Answer[DeploymentOut]:
    """Reject a deployment that waits. It has ended then."""
    reason = data.reason if data else None
    command = RejectDeployment(deployment_id=deployment_id, reason=reason)
    await call.perform(call.handler.handle(command, call.because(reason), request=call.request))
    return await _shown(call, deployment_id, status=201)


@post(ENVIRONMENT + "/promotions", opt={NEEDS: Access.DEPLOY})
async def promote_release(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    data: JSONBody[Promotion],
    call: NamedDependency[Call],
) -> Answer[DeploymentOut]:
    """Promote a release of another environment, without building.

    A deployment of its artifact with this environment's runtime configuration and secrets of this moment.
    """
    deployment_id = DeploymentId(call.new("deployment"))
    await call.perform(
        promoting.promote(
            call.handler,
            call.parts.numbers,
            call.because(data.reason),
            deployment_id=deployment_id,
            project_id=project_id,
            environment_id=environment_id,
            release_id=data.release_id,
            note=data.note or data.reason,
            override=_override(call, data),
            request=call.request,
        )
    )
    await say_quota(call)
    return await _shown(call, deployment_id, status=201)


def _override(call: Call, body: Trigger | Promotion | Retrial) -> str | None:
    """Why a freeze is overridden, where that is asked for. Raises ``Forbidden``."""
    if not body.override:
        return None
    require_access(call.principal, Access.ADMIN, "Overriding a freeze")
    return body.reason or ""


async def _found(call: Call, deployment_id: DeploymentId) -> DeploymentRow:
    return existing(await deployments.find(call.reader, call.tenant, deployment_id), "deployment")


async def _shown(call: Call, deployment_id: DeploymentId, *, status: int = 200) -> Answer[DeploymentOut]:
    row = await _found(call, deployment_id)
    address, earlier = await asyncio.gather(_address(call, row), deployments.superseded(call.reader, [row]))
    shown = words.deployments.deployment(row, address, earlier.get(row.id, ()))
    return call.shown(row.version, shown, status=status)


async def _release(call: Call, row: DeploymentRow) -> releases.ReleaseRow | None:
    return await releases.find(call.reader, call.tenant, row.release_id) if row.release_id else None


async def _address(call: Call, row: DeploymentRow) -> str | None:
    place = await environments.find(call.reader, call.tenant, row.environment_id)
    return _url(call, place.label if place else None)


def _url(call: NamedDependency[Call], label: str | None) -> str | None:
    return words.environments.url(call.parts.settings, label) if label else None


ROUTES = [
    trigger_deployment,
    list_deployments,
    show_deployment,
    list_build_logs,
    download_build_log,
    follow_deployment,
    cancel_deployment,
    retry_deployment,
    approve_deployment,
    reject_deployment,
    promote_release,
]
