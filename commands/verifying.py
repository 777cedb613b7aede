"""Custom domains of a project's environments: adding one, moving it, and looking whether its DNS is right."""

from datetime import timedelta

from msgspec import UNSET

from commands import custom_domain, project
from commands.custom_domain import AddCustomDomain, ChangeCustomDomain, RecordCheck, require_domain
from commands.handling import Caused, Handler
from commands.pointing import Target
from commands.ports import Dns, Request
from commands.project import require_environment, require_project
from domain.fact import Value
from domain.history import Context
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId


class Installation(Value):
    """What all domains here lead to: the domain of the applications, and its public IP addresses, where known.

    ``grace``: how long a domain that lost its proof is answered.
    """

    apps_domain: str
    addresses: tuple[str, ...]
    grace: timedelta


async def add_domain(
    handler: Handler, context: Context, command: AddCustomDomain, request: Request | None = None
) -> Caused:
    """Add a domain to an environment of the tenant's own. Raises ``NameTaken`` where somebody has the name."""
    if caused := await handler.replay(custom_domain.DECIDER, command.domain_id, context, request):
        return caused
    await _require_place(handler, context, command.project_id, command.environment_id)
    return await handler.handle(command, context, request=request)


async def change_domain(
    handler: Handler, context: Context, command: ChangeCustomDomain, request: Request | None = None
) -> Caused:
    """Move a domain to another environment of its project, or change where it sends requests on."""
    state = await handler.state(custom_domain.DECIDER, command.domain_id, context.tenant_id)
    added = require_domain(state)
    if command.environment_id is not UNSET:
        await _require_place(handler, context, added.project_id, command.environment_id)
    return await handler.handle(command, context, request=request)


async def verify(
    handler: Handler,
    dns: Dns,
    installation: Installation,
    context: Context,
    domain_id: CustomDomainId,
    *,
    asked: bool,
    request: Request | None = None,
) -> Caused:
    """Ask the domain's name servers, and keep what they say; ``asked``: by a person."""
    state = await handler.state(custom_domain.DECIDER, domain_id, context.tenant_id)
    added = require_domain(state)
    place = await handler.state(project.DECIDER, added.project_id, context.tenant_id)
    label = require_environment(place, state.environment_id).label
    command = RecordCheck(
        domain_id=domain_id,
        seen=await dns.look(added.hostname),
        target=Target(host=f"{label}.{installation.apps_domain}", addresses=installation.addresses),
        at=context.at,
        grace=installation.grace,
        asked=asked,
    )
    return await handler.handle(command, context, request=request)


async def _require_place(
    handler: Handler, context: Context, project_id: ProjectId, environment_id: EnvironmentId
) -> None:
    state = await handler.state(project.DECIDER, project_id, context.tenant_id)
    require_project(state)
    require_environment(state, environment_id)
