"""Secrets."""

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec.structs import replace

from adapters import dotfiles
from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.routes.projects import PROJECT
from adapters.http.native.wire.secrets import (
    EffectiveSecrets,
    SecretCreation,
    SecretDetail,
    SecretImport,
    SecretOut,
    SecretPatch,
    SecretsImported,
    SecretUseOut,
    Shredded,
    Shredding,
)
from adapters.http.paging import Asked, Listing
from adapters.http.restricting import NARROWED
from commands import importing, sealing, shredding
from commands.importing import Destination
from commands.ports import SecretValue
from commands.secret import RemoveSecret
from domain.access import Access
from domain.identifiers import EnvironmentId, ProjectId, SecretId
from domain.rejection import NotFound
from domain.secret import SecretScope
from projections import environments, projects, secret_uses, secrets

SECRETS = "/tenants/{tenant_id:str}/secrets"
SECRET = SECRETS + "/{secret_id:str}"
LARGEST_IMPORT = 4 << 20
"""In bytes of JSON, where a character may be six."""


@get(SECRETS, opt={NARROWED: True})
async def list_secrets(
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    seen_in: Annotated[SecretScope | None, QueryParameter(name="scope", description="Only those seen there.")] = None,
    project_id: Annotated[ProjectId | None, QueryParameter(name="projectId")] = None,
    environment_id: Annotated[EnvironmentId | None, QueryParameter(name="environmentId")] = None,
) -> Listing[SecretOut]:
    """List secrets by name, masked."""
    page = await secrets.listing(
        call.reader, call.tenant, asked.paging, scope=seen_in, project_id=project_id, environment_id=environment_id
    )
    return call.listed(page, asked, words.secrets.secret)


@post(SECRETS, opt={NEEDS: Access.DEVELOP})
async def set_secret(data: JSONBody[SecretCreation], call: NamedDependency[Call]) -> Answer[SecretOut]:
    """Keep a secret.

    For the whole workspace, a project or an environment; the narrower wins. Its value is never shown again.
    """
    secret_id = SecretId(call.new("secret"))
    await call.perform(
        sealing.set_secret(
            call.handler,
            call.parts.vault,
            call.context,
            secret_id=secret_id,
            name=data.name,
            value=SecretValue(data.value),
            scope=data.scope or words.secrets.narrowest(data.project_id, data.environment_id),
            project_id=data.project_id,
            environment_id=data.environment_id,
            request=call.request,
        )
    )
    return await _shown(call, secret_id, status=201)


@post(SECRETS + "/import", status_code=200, request_max_body_size=LARGEST_IMPORT, opt={NEEDS: Access.DEVELOP})
async def import_secrets(data: JSONBody[SecretImport], call: NamedDependency[Call]) -> SecretsImported:
    """Import a `.env` file: each variable becomes a secret of the workspace, the project or the environment.

    Everything is checked before anything is kept: a line that cannot be used refuses the whole import. A variable
    whose value is the same already is left alone, so an import can be repeated, also one that was broken off. With
    `dryRun` nothing is kept, and each line is told of.
    """
    variables = dotfiles.variables(data.content)
    destination = Destination(project_id=data.project_id, environment_id=data.environment_id)
    rows = await secrets.at(call.reader, call.tenant, data.project_id, data.environment_id)
    vault, known = call.parts.vault, {row.name: row.id for row in rows}
    planned = await importing.plan(call.handler, vault, call.context, destination, variables, known, call.request)
    if not data.dry_run:
        importing.require_sound(planned)
        if to_do := importing.to_do(planned):
            work = importing.carry_out(
                call.handler,
                vault,
                call.context,
                destination,
                to_do,
                lambda name: SecretId(call.new(f"secret {name}")),
                call.request,
            )
            await call.perform(work)
    return words.secrets.imported(planned, dry_run=data.dry_run)


@get(SECRETS + "/effective")
async def list_effective_secrets(
    call: NamedDependency[Call],
    project_id: Annotated[ProjectId | None, QueryParameter(name="projectId")] = None,
    environment_id: Annotated[EnvironmentId | None, QueryParameter(name="environmentId")] = None,
) -> EffectiveSecrets:
    """Show what a place sees: each name once, from the narrowest scope that has it, and what that hides.

    Without `environmentId` what every environment of the project sees, without `projectId` what every project does.
    """
    if environment_id is not None:
        environment = existing(await environments.find(call.reader, call.tenant, environment_id), "environment")
        if project_id not in {None, environment.project_id}:
            raise NotFound("There is no such environment of this project.")
        project_id = environment.project_id
    elif project_id is not None:
        existing(await projects.find(call.reader, call.tenant, project_id), "project")
    return await _seen(call, project_id, environment_id)


@get(PROJECT + "/environments/{environment_id:str}/secrets/effective")
async def list_secrets_of_environment(
    project_id: FromPath[ProjectId], environment_id: FromPath[EnvironmentId], call: NamedDependency[Call]
) -> EffectiveSecrets:
    """Show which secrets the next deployment of an environment gets, and which each hides."""
    environment = await environments.find(call.reader, call.tenant, environment_id)
    if existing(environment, "environment").project_id != project_id:
        raise NotFound("There is no such environment.")
    return await _seen(call, project_id, environment_id)


@get(SECRET)
async def show_secret(secret_id: FromPath[SecretId], call: NamedDependency[Call]) -> Answer[SecretDetail]:
    """Show a secret, masked, with its versions: their fingerprints, when and by whom."""
    row = existing(await secrets.find(call.reader, call.tenant, secret_id), "secret")
    versions = await secrets.versions(call.reader, call.tenant, secret_id)
    openable = await call.parts.vault.openable(call.tenant, [(secret_id, one.version) for one in versions])
    return call.shown(row.revision, words.secrets.detail(row, versions, openable))


@get(SECRET + "/uses")
async def list_uses_of_secret(
    secret_id: FromPath[SecretId], call: NamedDependency[Call], asked: NamedDependency[Asked]
) -> Listing[SecretUseOut]:
    """List the releases that have a version of the secret, the newest first: which one, and is it the newest."""
    row = existing(await secrets.find(call.reader, call.tenant, secret_id), "secret")
    page = await secret_uses.listing(call.reader, call.tenant, secret_id, asked.paging)
    releases = await secret_uses.releases_of(call.reader, call.tenant, page.rows)
    openable = await call.parts.vault.openable(call.tenant, [(secret_id, use.version) for use in page.rows])
    kept = replace(page, rows=[use for use in page.rows if use.release_id in releases])
    return call.listed(kept, asked, lambda use: words.secrets.use(use, releases[use.release_id], row.version, openable))


@patch(SECRET, opt={NEEDS: Access.DEVELOP})
async def rotate_secret(
    secret_id: FromPath[SecretId], data: JSONBody[SecretPatch], call: NamedDependency[Call]
) -> Answer[SecretOut]:
    """Give a secret another value.

    Later deployments see it; earlier releases keep the one that they were made with.
    """
    await call.perform(
        sealing.rotate_secret(
            call.handler,
            call.parts.vault,
            call.context,
            secret_id=secret_id,
            value=SecretValue(data.value),
            request=call.request,
        )
    )
    return await _shown(call, secret_id)


@delete(SECRET, opt={NEEDS: Access.DEVELOP})
async def remove_secret(secret_id: FromPath[SecretId], call: NamedDependency[Call]) -> None:
    """Remove a secret.

    Later deployments do without it.
    """
    await call.perform(call.handler.handle(RemoveSecret(secret_id=secret_id), call.context, request=call.request))


@post("/tenants/{tenant_id:str}/shred", status_code=200, opt={NEEDS: Access.OWN})
async def shred_workspace(data: JSONBody[Shredding], call: NamedDependency[Call]) -> Shredded:
    """Destroy the workspace's keys, and with them every value that was ever sealed for it.

    Secrets, credentials of repositories, channels' addresses and passwords of databases cannot be opened by anybody
    any more, not by us either. History stays. What runs goes on until it is started again; releases that had secrets
    cannot be rolled back to. Secrets that are set afterwards get keys of their own.
    """
    context = call.because(data.reason)
    await call.perform(
        shredding.shred(call.handler, call.parts.vault, context, confirm=data.confirm, request=call.request)
    )
    return Shredded(workspace_id=call.tenant, at=context.at)


async def _seen(call: Call, project_id: ProjectId | None, environment_id: EnvironmentId | None) -> EffectiveSecrets:
    found = await secrets.layered(call.reader, call.tenant, project_id, environment_id)
    openable = await call.parts.vault.openable(call.tenant, [(one.row.id, one.row.version) for one in found])
    items = [words.secrets.effective(one, openable) for one in found]
    return EffectiveSecrets(project_id=project_id, environment_id=environment_id, items=items)


async def _shown(call: Call, secret_id: SecretId, *, status: int = 200) -> Answer[SecretOut]:
    row = existing(await secrets.find(call.reader, call.tenant, secret_id), "secret")
    return call.shown(row.revision, words.secrets.secret(row), status=status)


ROUTES = [
    list_secrets,
    set_secret,
    import_secrets,
    list_effective_secrets,
    list_secrets_of_environment,
    show_secret,
    list_uses_of_secret,
    rotate_secret,
    remove_secret,
    shred_workspace,
]
