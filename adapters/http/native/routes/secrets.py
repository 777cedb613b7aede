"""Secrets."""

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.wire.secrets import SecretCreation, SecretOut, SecretPatch
from adapters.http.paging import Asked, Listing
from commands import sealing
from commands.ports import SecretValue
from commands.secret import RemoveSecret
from domain.access import Access
from domain.identifiers import EnvironmentId, ProjectId, SecretId
from domain.secret import SecretScope
from projections import secrets

SECRETS = "/tenants/{tenant_id:str}/secrets"
SECRET = SECRETS + "/{secret_id:str}"


@get(SECRETS)
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


async def _shown(call: Call, secret_id: SecretId, *, status: int = 200) -> Answer[SecretOut]:
    row = existing(await secrets.find(call.reader, call.tenant, secret_id), "secret")
    return call.shown(row.revision, words.secrets.secret(row), status=status)


ROUTES = [list_secrets, set_secret, rotate_secret, remove_secret]
