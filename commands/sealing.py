"""Setting and rotating secrets: the value is sealed and goes into the append's own transaction."""

from commands import project, secret
from commands.handling import Caused, Handler
from commands.ports import Request, SecretValue, Vault
from commands.project import require_environment, require_project
from commands.secret import RotateSecret, SetSecret, require_secret, require_value
from domain.history import Context
from domain.identifiers import EnvironmentId, ProjectId, SecretId
from domain.secret import SecretScope


async def set_secret(
    handler: Handler,
    vault: Vault,
    context: Context,
    *,
    secret_id: SecretId,
    name: str,
    value: SecretValue,
    scope: SecretScope,
    project_id: ProjectId | None = None,
    environment_id: EnvironmentId | None = None,
    request: Request | None = None,
) -> Caused:
    """Keep a new secret. Raises ``NameTaken`` where the scope already has one of that name."""
    require_value(value.reveal)
    if project_id is not None:
        await require_place(handler, context, project_id, environment_id)
    command = SetSecret(
        secret_id=secret_id,
        name=name,
        scope=scope,
        fingerprint=await vault.fingerprint(context.tenant_id, value),
        project_id=project_id,
        environment_id=environment_id,
    )
    sealed = await vault.seal(context.tenant_id, secret_id, 1, value)
    return await handler.handle(command, context, sealed=[sealed], request=request)


async def rotate_secret(
    handler: Handler,
    vault: Vault,
    context: Context,
    *,
    secret_id: SecretId,
    value: SecretValue,
    request: Request | None = None,
) -> Caused:
    """Give a secret another value; releases that pinned the former version keep it."""
    require_value(value.reveal)
    state = await handler.state(secret.DECIDER, secret_id, context.tenant_id)
    require_secret(state)
    version = state.version + 1
    command = RotateSecret(
        secret_id=secret_id, version=version, fingerprint=await vault.fingerprint(context.tenant_id, value)
    )
    sealed = await vault.seal(context.tenant_id, secret_id, version, value)
    return await handler.handle(command, context, sealed=[sealed], request=request)


async def require_place(
    handler: Handler, context: Context, project_id: ProjectId, environment_id: EnvironmentId | None
) -> None:
    """Refuse a project or environment that is not there."""
    state = await handler.state(project.DECIDER, project_id, context.tenant_id)
    require_project(state)
    if environment_id is not None:
        require_environment(state, environment_id)
