"""Making databases, whose passwords nobody is told, and giving their addresses to environments as secrets."""

from contextlib import suppress
from secrets import token_urlsafe

from msgspec.structs import replace

from commands import backup, database, database_checks, sealing
from commands.backup import require_backup, require_file
from commands.database import AttachDatabase, CreateDatabase, DeleteDatabase, DetachDatabase
from commands.database_checks import require_database, require_placed
from commands.handling import Caused, Handler
from commands.ports import Request, SecretValue, Vault
from commands.secret import RemoveSecret
from domain.database import Database, DatabaseCreated, DatabaseDetached, Engine
from domain.history import Context
from domain.identifiers import CausationId, DatabaseId, EnvironmentId, ProjectId, SecretId, derived
from domain.rejection import Conflict, NameTaken, NotFound, QuotaExceeded
from domain.reservations import DATABASE_SLOT
from domain.secret import SecretScope

HOST = "127.0.0.1"
MOST_DATABASES = 20
"""How many a workspace may have."""
PASSWORD_VERSION = 1
"""Of the password in the vault, where the database's own id names it."""


async def create_database(
    handler: Handler, vault: Vault, context: Context, command: CreateDatabase, request: Request | None = None
) -> Caused:
    """Make a database with a password that is made here, and sealed.

    Raises ``NotFound`` for an unknown backup, ``QuotaExceeded`` where the workspace has as many as it may have.
    """
    if caused := await handler.replay(database.DECIDER, command.database_id, context, request):
        return caused
    if command.restored_from is not None:
        state = await handler.state(backup.DECIDER, command.restored_from, context.tenant_id)
        require_file(state)
        if require_backup(state).engine is not command.engine:
            raise Conflict("The backup is one of another engine.", code="another_engine")
    password = SecretValue(token_urlsafe(24))
    sealed = await vault.seal(context.tenant_id, command.database_id, PASSWORD_VERSION, password)
    for slot in range(1, MOST_DATABASES + 1):
        try:
            return await handler.handle(replace(command, slot=slot), context, sealed=[sealed], request=request)
        except NameTaken as taken:
            if not taken.scope.startswith(DATABASE_SLOT):
                raise
    raise QuotaExceeded(f"A workspace may have {MOST_DATABASES} databases. Delete one.", code="too_many_databases")


async def attach(
    handler: Handler,
    vault: Vault,
    context: Context,
    *,
    database_id: DatabaseId,
    project_id: ProjectId,
    environment_id: EnvironmentId,
    variable: str | None = None,
    prefix: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Keep the database's address as a secret of the environment, which its next release gets.

    Raises ``NameTaken`` where the environment has a secret of that name. The secret's id follows from what is attached:
    whoever is cut off between the two appends and asks again completes the same attachment.
    """
    if caused := await handler.replay(database.DECIDER, database_id, context, request):
        return caused
    state = await handler.state(database.DECIDER, database_id, context.tenant_id)
    placed, created = require_placed(state), require_database(state)
    name = database_checks.variable(created.engine, variable, prefix)
    known = next(
        (one for one in state.attachments if (one.environment_id, one.variable) == (environment_id, name)), None
    )
    secret_id = known.secret_id if known else _secret_id(state, database_id, environment_id, name)
    if known is None:
        password = await vault.open(context.tenant_id, database_id, PASSWORD_VERSION)
        await sealing.set_secret(
            handler,
            vault,
            context,
            secret_id=secret_id,
            name=name,
            value=address(created, placed.port, password),
            scope=SecretScope.ENVIRONMENT,
            project_id=project_id,
            environment_id=environment_id,
        )
    command = AttachDatabase(
        database_id=database_id,
        project_id=project_id,
        environment_id=environment_id,
        secret_id=secret_id,
        variable=name,
    )
    return await handler.handle(command, context, request=request)


async def detach(
    handler: Handler,
    context: Context,
    *,
    database_id: DatabaseId,
    environment_id: EnvironmentId,
    variable: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Take the secret back, or all of them, that the environment has of the database. Raises ``NotFound``."""
    caused = await handler.replay(database.DECIDER, database_id, context, request)
    if caused is None:
        state = await handler.state(database.DECIDER, database_id, context.tenant_id)
        found = _attached(state, environment_id, variable)
        caused = await handler.handle(
            DetachDatabase(database_id=database_id, secret_ids=found), context, request=request
        )
    return await _with_secrets_removed(handler, context, caused)


async def delete_database(
    handler: Handler, others: Handler, context: Context, command: DeleteDatabase, request: Request | None = None
) -> Caused:
    """Let a database go. Where it may be attached, its secrets go too, by ``others``: no version is said of them."""
    caused = await handler.handle(command, context, request=request)
    return await _with_secrets_removed(others, context, caused)


def address(created: DatabaseCreated, port: int, password: SecretValue) -> SecretValue:
    """The URL that a client connects with. Names and passwords need no quoting: they are made of such letters."""
    scheme = {Engine.POSTGRES: "postgresql", Engine.REDIS: "redis"}[created.engine]
    return SecretValue(f"{scheme}://{created.user}:{password.reveal}@{HOST}:{port}/{created.database}")


def _secret_id(state: Database, database_id: DatabaseId, environment_id: EnvironmentId, variable: str) -> SecretId:
    return SecretId(derived(CausationId(f"{database_id}/{environment_id}"), f"{variable} {state.attached}"))


def _attached(state: Database, environment_id: EnvironmentId, variable: str | None) -> tuple[SecretId, ...]:
    require_database(state)
    found = [one for one in state.attachments if one.environment_id == environment_id]
    if not (wanted := tuple(one.secret_id for one in found if variable in {None, one.variable})):
        raise NotFound("The database is not attached to this environment.")
    return wanted


async def _with_secrets_removed(handler: Handler, context: Context, caused: Caused) -> Caused:
    """Do at once what is otherwise done in a moment (``policies``): who asked shall see it."""
    position = caused.position
    for recorded in caused.facts:
        if isinstance(recorded.fact, DatabaseDetached):
            with suppress(NotFound):  # somebody else was quicker
                removed = await handler.handle(RemoveSecret(secret_id=recorded.fact.secret_id), context)
                position = max(position, removed.position)
    return replace(caused, position=position)
