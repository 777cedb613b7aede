"""What runs in an environment: seeing it, starting, stopping and restarting it."""

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.routes.environments import ENVIRONMENT
from adapters.http.native.wire.running import Because, RuntimeOut
from commands import running
from domain.access import Access
from domain.environment import RestartCause
from domain.identifiers import EnvironmentId, ProjectId
from projections import custom_domains, environments, releases
from projections.environments import EnvironmentRow


@get(ENVIRONMENT + "/runtime")
async def show_runtime(
    project_id: FromPath[ProjectId], environment_id: FromPath[EnvironmentId], call: NamedDependency[Call]
) -> Answer[RuntimeOut]:
    """Show what is live: URLs, the active release, its instances, routes and domains."""
    return await shown_runtime(call, await found(call, project_id, environment_id))


@post(ENVIRONMENT + "/start", opt={NEEDS: Access.DEPLOY})
async def start_environment(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    call: NamedDependency[Call],
    data: JSONBody[Because | None] = None,
) -> Answer[RuntimeOut]:
    """Start what was stopped: the release that was active, with the project's runtime configuration of this moment.

    The answer is the environment's runtime; it is done when ``activation`` is null again. Where something runs already
    nothing is done.
    """
    return await _restarted(call, project_id, environment_id, RestartCause.STOPPED, data)


@post(ENVIRONMENT + "/stop", opt={NEEDS: Access.DEPLOY})
async def stop_environment(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    call: NamedDependency[Call],
    data: JSONBody[Because | None] = None,
) -> Answer[RuntimeOut]:
    """Stop what runs, until it is started again or something is deployed.

    Requests are answered 503 by a page that says so; those under way are finished. A release that is being made live is
    stopped as well.
    """
    reason = data.reason if data else None
    await call.perform(
        running.stop(
            call.handler,
            call.because(reason),
            project_id=project_id,
            environment_id=environment_id,
            reason=reason,
            request=call.request,
        )
    )
    return await shown_runtime(call, await found(call, project_id, environment_id), status=201)


@post(ENVIRONMENT + "/restart", opt={NEEDS: Access.DEPLOY})
async def restart_environment(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    call: NamedDependency[Call],
    data: JSONBody[Because | None] = None,
) -> Answer[RuntimeOut]:
    """Start the active release anew, without a build, with the project's runtime configuration of this moment.

    Without dropping a request: the running instances serve until others are healthy beside them, and go on if those
    never are. The answer is the environment's runtime; it is done when ``activation`` is null again.
    """
    return await _restarted(call, project_id, environment_id, RestartCause.ASKED, data)


async def found(call: Call, project_id: ProjectId, environment_id: EnvironmentId) -> EnvironmentRow:
    """The project's environment. Raises ``NotFound``."""
    row = await environments.find(call.reader, call.tenant, environment_id)
    return existing(row if row and row.project_id == project_id else None, "environment")


async def runtime_of(call: Call, row: EnvironmentRow) -> RuntimeOut:
    """What is live in an environment."""
    release_id = row.active_release_id
    active = await releases.find(call.reader, call.tenant, release_id) if release_id else None
    domains = await custom_domains.of_environment(call.reader, call.tenant, row.id)
    measured = await call.parts.instances.of(row.id)
    return words.running.runtime(row, active, domains, measured, call.parts.settings)


async def shown_runtime(call: Call, row: EnvironmentRow, *, status: int = 200) -> Answer[RuntimeOut]:
    """The same, as an answer."""
    return call.shown(row.activation, await runtime_of(call, row), status=status)


async def _restarted(
    call: Call, project_id: ProjectId, environment_id: EnvironmentId, cause: RestartCause, data: Because | None
) -> Answer[RuntimeOut]:
    reason = data.reason if data else None
    await call.perform(
        running.restart(
            call.handler,
            call.because(reason),
            project_id=project_id,
            environment_id=environment_id,
            cause=cause,
            reason=reason,
            request=call.request,
        )
    )
    return await shown_runtime(call, await found(call, project_id, environment_id), status=201)


ROUTES = [show_runtime, start_environment, stop_environment, restart_environment]
