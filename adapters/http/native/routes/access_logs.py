"""The requests that an environment answered."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from adapters.http.dispatch import Call
from adapters.http.native import access_logs, reading
from adapters.http.native.routes.environments import ENVIRONMENT
from adapters.http.native.routes.running import found
from adapters.http.native.wire.access_logs import Requests
from domain.identifiers import EnvironmentId, ProjectId, access_log

ACCESS_LOGS = ENVIRONMENT + "/access-logs"

After = Annotated[
    int | None,
    QueryParameter(ge=0, le=2**53, description="Only requests whose seq is greater; else all that are kept."),
]
All = Annotated[
    bool, QueryParameter(name="all", description="Every request, and not only those that failed or were no GET.")
]


@get(ACCESS_LOGS)
async def list_requests(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    call: NamedDependency[Call],
    after: After = None,
    limit: reading.Limit = reading.MOST_LINES,
    everything: All = False,
) -> Requests:
    """Show the requests that an environment answered: those that failed (4xx, 5xx) or were no GET, or all.

    Both views count alike, so ``after`` means the same in both. Query strings, cookies and credentials are never kept.
    """
    row = await found(call, project_id, environment_id)
    return await access_logs.history(call, access_log(row.id), after, limit, everything=everything)


@get(ACCESS_LOGS + "/stream", media_type="text/event-stream")
async def follow_requests(
    request: Request[Any, Any, Any],
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    call: NamedDependency[Call],
    after: After = None,
    everything: All = False,
) -> ASGIResponse:
    """Follow the requests that an environment answers, live.

    As a deployment's stream, with ``log`` frames alone that hold a request; it has no end.
    """
    log_id = access_log((await found(call, project_id, environment_id)).id)
    scripts = access_logs.ALL if everything else access_logs.NOTABLE
    place = await access_logs.beginning(call, log_id, after)
    return await reading.stream(request, call, log_id, place, scripts=scripts)


ROUTES = [list_requests, follow_requests]
