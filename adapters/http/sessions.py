"""Joining, signing in and signing out, as every dialect does it."""

from datetime import timedelta
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from adapters.http import tokens
from adapters.http.dispatch import await_readable
from adapters.http.exchange import exchange_of
from adapters.http.identity import COOKIE, address, parts_of, require_same_origin, user_agent
from adapters.http.parts import Parts
from commands.account import EndSession, StartSession
from commands.ports import SecretValue
from commands.registering import PASSWORD, register
from domain.history import Actor, Context
from domain.identifiers import AccountId, CausationId, SessionId, TenantId, uuid7
from domain.rejection import Forbidden, NotFound, QuotaExceeded, Unauthenticated
from projections import credentials
from projections.credentials import AccountRow

LIFETIME = timedelta(days=30)
LONGEST_ADDRESS = 254
"""Characters of an e-mail address (RFC 5321, section 4.5.3.1.3)."""

HttpRequest = Request[Any, Any, Any]


async def join(request: HttpRequest, email: str, password: SecretValue, workspace_name: str | None) -> AccountRow:
    """A new account with a workspace. Raises ``Forbidden`` where nobody may join, ``NameTaken``, ``Invalid``."""
    parts = parts_of(request)
    if parts.settings.registration == "closed":
        raise Forbidden(
            "Registration is closed here. Ask the operator for an account, or to set SHIPBOOK_REGISTRATION=open.",
            code="registration_closed",
        )
    _count(request)
    account_id = AccountId(uuid7())
    caused = await register(
        parts.handler,
        parts.vault,
        _context(request, TenantId(uuid7()), account_id, email),
        account_id=account_id,
        email=email,
        verifier=await parts.passwords.verifier(password),
        workspace_name=workspace_name or f"{email.partition('@')[0][:80]}'s workspace",
    )
    await await_readable(parts, exchange_of(request.scope), caused.position)
    found = await credentials.account(parts.reader, account_id)
    assert found is not None  # noqa: S101 - the read models have passed its registration
    return found


async def authenticate(request: HttpRequest, email: str, password: SecretValue) -> AccountRow:
    """Whose password this is. Raises ``Unauthenticated``, without telling whether the address is known."""
    parts, login = parts_of(request), email.casefold()[:LONGEST_ADDRESS]
    _count(request)
    if wait := parts.attempts_by_account.take(login):
        raise QuotaExceeded(f"Too many attempts for this account. Wait {wait} seconds.", retry_after=wait)
    account = await credentials.account_by_email(parts.reader, login)
    if not await parts.passwords.matches(await _verifier(parts, account), password) or account is None:
        raise Unauthenticated("The e-mail address or the password is wrong.", code="wrong_credentials")
    parts.attempts_by_account.give_back(login)
    return account


async def begin(request: HttpRequest, account: AccountRow) -> Cookie:
    """Start a session; the cookie that holds it."""
    parts, secret = parts_of(request), tokens.new_session()
    context = await _context_of(request, account)
    command = StartSession(
        account_id=account.id,
        session_id=SessionId(uuid7()),
        digest=tokens.digest(secret),
        expires_at=context.at + LIFETIME,
    )
    caused = await parts.handler.handle(command, context)
    await await_readable(parts, exchange_of(request.scope), caused.position)
    return _cookie(request, secret.reveal, int(LIFETIME.total_seconds()))


async def end(request: HttpRequest) -> Cookie:
    """End the caller's session, if there is one; the cookie that takes its place."""
    parts, shown = parts_of(request), request.cookies.get(COOKIE, "")
    session = None
    if tokens.is_session(shown):
        session = await credentials.session(parts.reader, tokens.digest(SecretValue(shown)))
    account = session and await credentials.account(parts.reader, session.account_id)
    if session and account:
        require_same_origin(request)
        command = EndSession(account_id=account.id, session_id=session.id)
        caused = await parts.handler.handle(command, await _context_of(request, account))
        await await_readable(parts, exchange_of(request.scope), caused.position)
    return _cookie(request, "", 0)


def _count(request: HttpRequest) -> None:
    if wait := parts_of(request).attempts_by_address.take(address(request)):
        raise QuotaExceeded(f"Too many attempts from this address. Wait {wait} seconds.", retry_after=wait)


async def _verifier(parts: Parts, account: AccountRow | None) -> SecretValue | None:
    """What the password is checked against; it is looked for even where nobody is known, for equal timing."""
    scope, version = (account.id, account.password_version) if account else ("nobody", 1)
    try:
        return await parts.vault.open(scope, PASSWORD, version)
    except NotFound:
        return None


async def _context_of(request: HttpRequest, account: AccountRow) -> Context:
    """The circumstances of what an account does to itself; they stand in the trail of its first workspace."""
    workspaces = await credentials.memberships(parts_of(request).reader, account.id)
    tenant = workspaces[0].tenant_id if workspaces else TenantId(account.id)
    return _context(request, tenant, account.id, account.email)


def _context(request: HttpRequest, tenant: TenantId, account_id: AccountId, email: str) -> Context:
    return Context(
        tenant_id=tenant,
        actor=Actor(
            kind="account",
            account_id=account_id,
            name=email,
            address=address(request),
            user_agent=user_agent(request),
        ),
        correlation_id=exchange_of(request.scope).request_id,
        causation_id=CausationId(uuid7()),
        at=parts_of(request).clock.now(),
    )


def _cookie(request: HttpRequest, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
