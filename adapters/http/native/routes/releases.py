"""Releases, their logs, and rolling back."""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse
from msgspec.structs import asdict

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import reading, words
from adapters.http.native.routes.projects import PROJECT
from adapters.http.native.routes.running import runtime_of
from adapters.http.native.wire.deployments import Lines, ReleaseOut, Rollback
from adapters.http.native.wire.releases import DifferencesOut, RolledBack
from adapters.http.paging import Asked, Listing
from commands import rolling_back
from domain.access import Access
from domain.identifiers import EnvironmentId, ProjectId, ReleaseId, runtime_log
from projections import environments, projects, releases
from projections.releases import ReleaseRow

RUNTIME_LOGS = "/tenants/{tenant_id:str}/releases/{release_id:str}/runtime-logs"


@get(PROJECT + "/releases")
async def list_releases(
    project_id: FromPath[ProjectId],
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    environment_id: Annotated[EnvironmentId | None, QueryParameter(name="environmentId")] = None,
) -> Listing[ReleaseOut]:
    """List a project's releases, the newest first: whatever is not active and has not expired can be rolled back to."""
    existing(await projects.find(call.reader, call.tenant, project_id), "project")
    page = await releases.history(call.reader, call.tenant, project_id, asked.paging, environment_id=environment_id)
    return call.listed(page, asked, words.releases.release)


@post(
    "/tenants/{tenant_id:str}/rollback",
    opt={NEEDS: Access.DEPLOY},
    responses={200: ResponseSpec(DifferencesOut, generate_examples=False, description="What would change (`dryRun`).")},
)
async def roll_back(data: JSONBody[Rollback], call: NamedDependency[Call]) -> Answer[RolledBack]:
    """Re-activate an earlier release, without building.

    The answer is its environment's runtime with what changes (``diff``); it is done when ``activation`` is null again
    and ``activeRelease`` is it. With ``dryRun`` the answer is what would change alone, and nothing is done.
    """
    context, release_id = call.because(data.reason), data.release_id
    if data.dry_run:
        would = await rolling_back.preview(
            call.handler, call.parts.vault, context, release_id=release_id, reason=data.reason
        )
        return call.shown(0, words.releases.differences(would))
    found = await rolling_back.changes(call.handler, context, release_id=release_id)
    await call.perform(
        rolling_back.roll_back(
            call.handler,
            call.parts.vault,
            context,
            release_id=release_id,
            reason=data.reason,
            request=call.request,
        )
    )
    row = existing(await environments.find(call.reader, call.tenant, found.after.environment_id), "environment")
    live, diff = await runtime_of(call, row), words.releases.differences(found)
    return call.shown(row.activation, RolledBack(**asdict(live), diff=diff), status=201)


@get(RUNTIME_LOGS)
async def list_runtime_logs(
    release_id: FromPath[ReleaseId],
    call: NamedDependency[Call],
    after: reading.After = 0,
    limit: reading.Limit = reading.MOST_LINES,
) -> Lines:
    """Show what a release's instances wrote: the lines after a ``seq``."""
    row = await _found(call, release_id)
    return await reading.lines(call, runtime_log(row.id), after, limit)


@get(RUNTIME_LOGS + "/text", media_type="text/plain")
async def download_runtime_log(
    release_id: FromPath[ReleaseId],
    call: NamedDependency[Call],
    after: reading.After = 0,
) -> ASGIResponse:
    """Download what a release's instances wrote as plain text.

    All lines behind ``after`` that are stored, each ended by a line feed.
    """
    row = await _found(call, release_id)
    return await reading.text(call, runtime_log(row.id), after)


@get(RUNTIME_LOGS + "/stream", media_type="text/event-stream")
async def follow_runtime_logs(
    request: Request[Any, Any, Any],
    release_id: FromPath[ReleaseId],
    call: NamedDependency[Call],
    after: reading.After = 0,
) -> ASGIResponse:
    """Follow what a release's instances write, live.

    As a deployment's stream, with ``log`` frames alone; ``done`` comes when the release can run no more.
    """
    row = await _found(call, release_id)
    return await reading.stream(request, call, runtime_log(row.id), after)


async def _found(call: Call, release_id: ReleaseId) -> ReleaseRow:
    return existing(await releases.find(call.reader, call.tenant, release_id), "release")


ROUTES = [list_releases, roll_back, list_runtime_logs, download_runtime_log, follow_runtime_logs]
