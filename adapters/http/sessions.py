"""Joining, signing in and signing out, as every dialect does it."""

from typing import Any

from litestar import Request
from litestar.datastructures import Cookie
from msgspec.structs import replace

from adapters.http import tokens
from adapters.http.dispatch import Call, await_readable
from adapters.http.exchange import exchange_of
from adapters.http.identity import COOKIE, address, parts_of, require_same_origin, user_agent
from adapters.http.parts import Parts
from commands import ports
from commands.account import LIFETIME, ChangePassword, EndSession, LockSignIn, StartSession
from commands.handling import Caused
from commands.ports import SecretValue
from commands.registering import PASSWORD, register
from commands.workspace import AcceptInvitation
from domain.history import Actor, Context
from domain.identifiers import AccountId, CausationId, SessionId, TenantId, uuid7
from domain.rejection import Conflict, Forbidden, NotFound, QuotaExceeded, Unauthenticated
from projections import credentials
from projections.credentials import AccountRow, InvitationRow

LONGEST_ADDRESS = 254
"""Characters of an e-mail address (RFC 5321, section 4.5.3.1.3)."""

SIGN_IN = "sign-in"
"""The part of Shipbook that locks people out."""

HttpRequest = Request[Any, Any, Any]


async def join(
    request: HttpRequest, email: str, password: SecretValue, workspace_name: str | None, invitation: SecretValue | None
) -> AccountRow:
    """A new account with a workspace, and in that of its invitation.

    Raises ``Forbidden`` where nobody may join, ``NameTaken``, ``Invalid``, and ``NotFound`` for the invitation.
    """
    parts = parts_of(request)
    _count(request)
    invited = await _invited(parts, email, invitation)
    account_id = AccountId(uuid7())
    context = _context(request, TenantId(uuid7()), account_id, email)
    caused = await register(
        parts.handler,
        parts.vault,
        context,
        account_id=account_id,
        email=email,
        verifier=await parts.passwords.verifier(password),
        workspace_name=workspace_name or f"{email.partition('@')[0][:80]}'s workspace",
    )
    if invited:
        caused = await accept(parts, replace(context, tenant_id=invited.tenant_id), invited, account_id, email)
    await await_readable(parts, exchange_of(request.scope), caused.position)
    found = await credentials.account(parts.reader, account_id)
    assert found is not None  # noqa: S101 - the read models have passed its registration
    return found


async def _invited(parts: Parts, email: str, token: SecretValue | None) -> InvitationRow | None:
    """The invitation, where one is given; refuse where none is, and one is needed."""
    if parts.settings.registration == "closed":
        raise Forbidden(
            "Registration is closed here. Ask the operator for an account, or to set SHIPBOOK_REGISTRATION=open.",
            code="registration_closed",
        )
    if token is None:
        if parts.settings.registration == "invite-only":
            raise Forbidden(
                "Registration needs an invitation here. Ask a member for one, and send its token as invitationToken.",
                code="invitation_required",
            )
        return None
    found = await invitation_of(parts, token)
    if found.email.casefold() != email.casefold():
        raise Forbidden(f"The invitation is for {found.email}. Register with that address.", code="other_address")
    if found.expires_at <= parts.clock.now():
        raise Conflict("The invitation has expired. Ask for another one.", code="invitation_expired")
    return found


async def invitation_of(parts: Parts, token: SecretValue) -> InvitationRow:
    """The invitation whose token this is. Raises ``NotFound``."""
    found = await credentials.invitation(parts.reader, tokens.digest(token)) if tokens.is_invitation(token) else None
    if found is None:
        raise NotFound("There is no such invitation, or it was used already. Ask for another one.")
    return found


async def accept(
    parts: Parts,
    context: Context,
    invitation: InvitationRow,
    account_id: AccountId,
    email: str,
    named: ports.Request | None = None,
) -> Caused:
    """Join the invitation's workspace; the rules are the workspace's."""
    command = AcceptInvitation(
        tenant_id=invitation.tenant_id,
        invitation_id=invitation.id,
        account_id=account_id,
        email=email,
        digest=invitation.digest,
        at=context.at,
    )
    return await parts.handler.handle(command, context, request=named)


async def authenticate(request: HttpRequest, email: str, password: SecretValue) -> AccountRow:
    """Whose password this is. Raises ``Unauthenticated``, without telling whether the address is known."""
    parts, login = parts_of(request), email.casefold()[:LONGEST_ADDRESS]
    _count(request)
    account = await credentials.account_by_email(parts.reader, login)
    await _require_unlocked(request, login, account)
    if not await parts.passwords.matches(await _verifier(parts, account), password) or account is None:
        raise Unauthenticated("The e-mail address or the password is wrong.", code="wrong_credentials")
    await parts.lockout.forgive(login, address(request))
    return account


async def _require_unlocked(request: HttpRequest, login: str, account: AccountRow | None) -> None:
    """Count the attempt. The one that locks out is an event of the account, if there is one."""
    parts = parts_of(request)
    locked = await parts.lockout.count(login, address(request))
    if locked is None:
        return
    if locked.begins and account:
        command = LockSignIn(
            account_id=account.id,
            attempts=locked.attempts,
            until=locked.until,
            address=None if locked.everywhere else address(request),
        )
        await parts.handler.handle(command, await _context_of(request, account, SIGN_IN))
    what = "this account" if locked.of_account else "this address"
    raise QuotaExceeded(
        f"Too many wrong passwords: signing in to {what} is locked until {locked.until:%H:%M:%S} UTC.",
        code="locked_out",
        retry_after=locked.seconds,
    )


async def change_password(request: HttpRequest, call: Call, current: SecretValue, password: SecretValue) -> None:
    """Give the caller another password; all their other sessions end.

    Raises ``Unauthenticated`` where ``current`` is wrong, which counts as an attempt to sign in, and ``Invalid``.
    """
    parts, who = call.parts, call.principal
    account = await authenticate(request, who.email, current)
    version = account.password_version + 1
    sealed = await parts.vault.seal(account.id, PASSWORD, version, await parts.passwords.verifier(password))
    command = ChangePassword(account_id=account.id, version=version, keep=who.session_id)
    await call.perform(parts.handler.handle(command, call.context, sealed=[sealed], request=call.request))


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


async def _context_of(request: HttpRequest, account: AccountRow, part: str | None = None) -> Context:
    """The circumstances of what happens to an account; they stand in the trail of its first workspace.

    ``part`` of Shipbook did it, where nobody knows whether it was the person.
    """
    workspaces = await credentials.memberships(parts_of(request).reader, account.id)
    tenant = workspaces[0].tenant_id if workspaces else TenantId(account.id)
    context = _context(request, tenant, account.id, account.email)
    if part is None:
        return context
    unknown = Actor(name=part, address=address(request), user_agent=user_agent(request))
    return replace(context, actor=unknown)


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
