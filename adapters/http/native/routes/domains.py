"""A project's custom domains."""

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from adapters.authority import Authority, installation
from adapters.hostnames import normalised
from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.routes.projects import PROJECT
from adapters.http.native.wire.domains import DomainCreation, DomainOut, DomainPatch
from adapters.http.paging import Asked, Listing
from commands import verifying
from commands.custom_domain import AddCustomDomain, ChangeCustomDomain, RemoveCustomDomain
from commands.project import PRODUCTION
from domain.access import Access
from domain.custom_domain import DomainStatus, Redirect
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId
from projections import custom_domains, environments, projects
from projections.custom_domains import CustomDomainRow

DOMAINS = PROJECT + "/domains"
DOMAIN = DOMAINS + "/{domain_id:str}"


@get(DOMAINS)
async def list_domains(
    project_id: FromPath[ProjectId],
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    environment_id: Annotated[EnvironmentId | None, QueryParameter(name="environmentId")] = None,
    status: Annotated[DomainStatus | None, QueryParameter(description="Only those that stand so.")] = None,
) -> Listing[DomainOut]:
    """List a project's custom domains by name, with the DNS records that they need."""
    existing(await projects.find(call.reader, call.tenant, project_id), "project")
    hosts = await _hosts(call, project_id)
    page = await custom_domains.listing(
        call.reader, call.tenant, project_id, asked.paging, environment_id=environment_id, status=status
    )
    return call.listed(page, asked, lambda row: _worded(call, row, hosts))


@post(DOMAINS, opt={NEEDS: Access.DEVELOP})
async def add_domain(
    project_id: FromPath[ProjectId], data: JSONBody[DomainCreation], call: NamedDependency[Call]
) -> Answer[DomainOut]:
    """Add a custom domain.

    The answer says which DNS records to set. They are looked for by themselves, or at once by `verify`.
    """
    domain_id = CustomDomainId(call.new("domain"))
    command = AddCustomDomain(
        domain_id=domain_id,
        tenant_id=call.tenant,
        project_id=project_id,
        environment_id=data.environment_id or await _production(call, project_id),
        hostname=normalised(data.hostname, "hostname"),
        apps_domain=call.parts.settings.apps_domain,
        redirect=_redirect(data.redirect_to, data.redirect_status),
    )
    await call.perform(verifying.add_domain(call.handler, call.context, command, call.request))
    return await _shown(call, project_id, domain_id, status=201)


@get(DOMAIN)
async def show_domain(
    project_id: FromPath[ProjectId], domain_id: FromPath[CustomDomainId], call: NamedDependency[Call]
) -> Answer[DomainOut]:
    """Show a custom domain: the records to set, what was seen of them, and its certificate."""
    return await _shown(call, project_id, domain_id)


@patch(DOMAIN, opt={NEEDS: Access.DEVELOP})
async def change_domain(
    project_id: FromPath[ProjectId],
    domain_id: FromPath[CustomDomainId],
    data: JSONBody[DomainPatch],
    call: NamedDependency[Call],
) -> Answer[DomainOut]:
    """Let a custom domain show another environment, redirect, or answer again."""
    await _found(call, project_id, domain_id)
    redirect: Redirect | UnsetType | None = UNSET
    if data.redirect_to is not UNSET:
        redirect = _redirect(data.redirect_to, data.redirect_status)
    command = ChangeCustomDomain(domain_id=domain_id, environment_id=data.environment_id, redirect=redirect)
    await call.perform(verifying.change_domain(call.handler, call.context, command, call.request))
    return await _shown(call, project_id, domain_id)


@post(DOMAIN + "/verify", status_code=200, opt={NEEDS: Access.DEVELOP})
async def verify_domain(
    project_id: FromPath[ProjectId], domain_id: FromPath[CustomDomainId], call: NamedDependency[Call]
) -> Answer[DomainOut]:
    """Ask the domain's own name servers now.

    Where something is wrong, `problem` says what; that is no error.
    """
    await _found(call, project_id, domain_id)
    settings = call.parts.settings
    await call.perform(
        verifying.verify(
            call.handler,
            Authority(settings),
            installation(settings),
            call.context,
            domain_id,
            asked=True,
            request=call.request,
        )
    )
    return await _shown(call, project_id, domain_id)


@delete(DOMAIN, opt={NEEDS: Access.DEVELOP})
async def remove_domain(
    project_id: FromPath[ProjectId], domain_id: FromPath[CustomDomainId], call: NamedDependency[Call]
) -> None:
    """Remove a custom domain.

    It shows nothing any more, and its name is free for everybody.
    """
    if not call.done_before:
        await _found(call, project_id, domain_id)
    command = RemoveCustomDomain(domain_id=domain_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


def _redirect(to: str | None, status: int) -> Redirect | None:
    return Redirect(to=normalised(to, "redirectTo"), status=status) if to else None


async def _production(call: Call, project_id: ProjectId) -> EnvironmentId:
    """The environment that is meant where none is named."""
    places = await environments.of_project(call.reader, call.tenant, project_id)
    named = [one for one in places if one.name == PRODUCTION]
    return existing(next(iter([*named, *places]), None), "environment to show").id


async def _hosts(call: Call, project_id: ProjectId) -> dict[EnvironmentId, str]:
    settings = call.parts.settings
    places = await environments.of_project(call.reader, call.tenant, project_id)
    return {one.id: words.environments.host(settings, one.label) for one in places}


def _worded(call: Call, row: CustomDomainRow, hosts: dict[EnvironmentId, str]) -> DomainOut:
    return words.domains.domain(row, hosts.get(row.environment_id, ""), call.parts.settings)


async def _found(call: Call, project_id: ProjectId, domain_id: CustomDomainId) -> CustomDomainRow:
    row = await custom_domains.find(call.reader, call.tenant, domain_id)
    return existing(row if row and row.project_id == project_id else None, "custom domain")


async def _shown(
    call: Call, project_id: ProjectId, domain_id: CustomDomainId, *, status: int = 200
) -> Answer[DomainOut]:
    row = await _found(call, project_id, domain_id)
    return call.shown(row.revision, _worded(call, row, await _hosts(call, project_id)), status=status)


ROUTES = [list_domains, add_domain, show_domain, change_domain, verify_domain, remove_domain]
