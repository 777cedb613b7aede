"""The first start: an administrator, a workspace, and the file with their credentials.

The credentials are drawn and kept aside before anything is recorded, and the commands have fixed causation ids, so a
first start that was cut off anywhere is completed by the next one with the same credentials.
"""

import asyncio
from secrets import token_urlsafe

import msgspec

from adapters.database import Unavailable, UnsuitableDatabase
from adapters.http.passwords import Passwords
from adapters.http.tokens import digest, new_token
from adapters.master_keys import MasterKeyError
from adapters.settings import Address, Settings
from commands.account import IssueApiToken
from commands.ports import SecretValue
from commands.registering import register
from domain.account import Scope
from domain.history import Actor, Context
from domain.identifiers import AccountId, ApiTokenId, CausationId, RequestId, TenantId, derived, uuid7
from domain.rejection import NameTaken
from services.embedded import write_private
from services.programs import CannotStart
from services.wiring import Core, core

USUAL_EMAIL = "admin@shipbook.localhost"
WORKSPACE = "Main"


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """What ``credentials.json`` holds. It is the one place where the password and the token are written down."""

    api_url: str
    edge_url: str
    email: str
    password: str
    tenant_id: TenantId
    token: str

    def __repr__(self) -> str:
        return f"Credentials(email={self.email!r}, tenant_id={self.tenant_id!r})"


def bootstrap(settings: Settings) -> None:
    """Make the administrator unless there is one. Blocks; raises ``CannotStart``."""
    if not settings.credentials_file.exists():
        try:
            asyncio.run(_bootstrap(settings))
        except (Unavailable, UnsuitableDatabase, MasterKeyError) as problem:
            raise CannotStart(str(problem)) from problem


async def _bootstrap(settings: Settings) -> None:
    drawn = settings.credentials_file.with_name("credentials.drawn.json")
    if not drawn.exists():
        write_private(drawn, msgspec.json.encode(_draw(settings)))
    credentials = msgspec.json.decode(drawn.read_bytes(), type=Credentials)
    async with core(settings, connections=2) as parts:
        await _register(parts, credentials)
    drawn.replace(settings.credentials_file)


def _draw(settings: Settings) -> Credentials:
    everywhere = settings.http.host in {"0.0.0.0", "::"}  # noqa: S104 - only compared with
    host = "127.0.0.1" if everywhere else settings.http.host
    return Credentials(
        api_url=f"http://{Address(host, settings.http.port)}",
        edge_url=f"http://{settings.apps_domain}:{settings.edge.port}",
        email=settings.admin_email or USUAL_EMAIL,
        password=token_urlsafe(18),
        tenant_id=TenantId(uuid7()),
        token=new_token(ApiTokenId(uuid7())).reveal,
    )


async def _register(parts: Core, credentials: Credentials) -> None:
    cause = CausationId(f"bootstrap/{credentials.tenant_id}")
    account_id = AccountId(derived(cause, "account"))
    context = Context(
        tenant_id=credentials.tenant_id,
        actor=Actor(name="shipbook up"),
        correlation_id=RequestId(uuid7()),
        causation_id=cause,
        at=parts.clock.now(),
    )
    try:
        await register(
            parts.handler,
            parts.vault,
            context,
            account_id=account_id,
            email=credentials.email,
            verifier=await Passwords().verifier(SecretValue(credentials.password)),
            workspace_name=WORKSPACE,
            operator=True,
        )
    except NameTaken as taken:
        raise CannotStart(
            f"The database already has an account {credentials.email}, but {parts.settings.credentials_file} is "
            "missing. Put the file back, or name another administrator with --admin-email."
        ) from taken
    await _issue_token(parts, context, account_id, credentials)


async def _issue_token(parts: Core, context: Context, account_id: AccountId, credentials: Credentials) -> None:
    cause = CausationId(f"{context.causation_id}/token")
    command = IssueApiToken(
        account_id=account_id,
        token_id=ApiTokenId(derived(cause, "token")),
        tenant_id=credentials.tenant_id,
        name="first token",
        digest=digest(SecretValue(credentials.token)),
        scope=Scope.ADMIN,
    )
    await parts.handler.handle(command, msgspec.structs.replace(context, causation_id=cause))
