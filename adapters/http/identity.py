"""Who calls, and may they? Decided before a body is read; whoever passes is the request's ``Principal``."""

import re
from datetime import datetime
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import HTTPScope, Method
from msgspec.structs import replace

from adapters.http import tokens
from adapters.http.exchange import exchange_of, state_of
from adapters.http.parts import Parts
from adapters.http.restricting import NARROWED, require_reached
from commands.ports import SecretValue
from domain.access import OF_ROLE, OF_SCOPE, Access, role_for, scope_for
from domain.account import Scope
from domain.fact import Value
from domain.history import Actor
from domain.identifiers import AccountId, ApiTokenId, ProjectId, SessionId, TenantId
from domain.rejection import Forbidden, NotFound, QuotaExceeded, Unauthenticated
from projections import credentials
from projections.credentials import MembershipRow, SessionRow, TokenRow

COOKIE = "shipbook_session"
PRINCIPAL = "principal"
NEEDS = "needs"
"""The handler's option that names the ``Access`` it needs, where that is not READ for GET and ADMIN for the rest."""

IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
READING = frozenset({"GET", "HEAD", "OPTIONS"})

Connection = ASGIConnection[Any, Any, Any, Any]


class Principal(Value):
    """Who calls. A token reaches ``tenant_id`` alone; a session reaches each workspace of its account."""

    account_id: AccountId
    email: str
    scope: Scope
    tenant_id: TenantId | None = None
    project_ids: tuple[ProjectId, ...] = ()
    """All that a token reaches; empty for the whole workspace."""
    token_id: ApiTokenId | None = None
    session_id: SessionId | None = None
    access: Access = Access.READ
    """How high the caller stands in the path's workspace."""

    def actor(self, connection: Connection) -> Actor:
        """The caller as history knows them."""
        return Actor(
            kind="token" if self.token_id else "account",
            account_id=self.account_id,
            token_id=self.token_id,
            name=self.email,
            address=address(connection),
            user_agent=user_agent(connection),
        )


def parts_of(connection: Connection) -> Parts:
    """What the application is made of."""
    parts: Parts = connection.app.state["parts"]
    return parts


def principal_of(connection: Connection) -> Principal:
    """Who calls; only behind ``signed_in`` or ``in_session``."""
    principal: Principal = state_of(connection.scope)[PRINCIPAL]
    return principal


def address(connection: Connection) -> str:
    """Where the request comes from."""
    return connection.client.host if connection.client else "unknown"


def user_agent(connection: Connection) -> str | None:
    """With what."""
    return connection.headers.get("user-agent", "")[:300] or None


async def signed_in(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard: the caller is known, the path's workspace is one of theirs, and they may do this there.

    Raises ``Unauthenticated``, ``Forbidden``, or ``NotFound`` for what the caller may not know exists.
    """
    principal = await identified(connection)
    needed = needed_by(handler, _method(connection))
    _require_identifiers(connection.path_params)
    member = None
    if tenant := connection.path_params.get("tenant_id"):
        member = await _member(connection, principal, TenantId(tenant))
        await _require_patience(connection, principal, TenantId(tenant))
    _require_scope(principal, needed)
    if member:
        _require_role(member, needed)
        await require_reached(
            parts_of(connection).reader, principal.project_ids, connection.path_params, narrowed=NARROWED in handler.opt
        )
    held = OF_SCOPE[principal.scope]
    access = min(held, OF_ROLE[member.role]) if member else held
    state_of(connection.scope)[PRINCIPAL] = replace(principal, access=access)


def needed_by(handler: BaseRouteHandler, method: str) -> Access:
    """How high one must stand to use a route: what it says, else READ for looking and ADMIN for the rest."""
    said: Access | None = handler.opt.get(NEEDS)
    return said or (Access.READ if method in READING else Access.ADMIN)


def require_access(principal: Principal, needed: Access, what: str) -> None:
    """Refuse what a request asks for beyond its handler's own need. Raises ``Forbidden``."""
    if principal.access < needed:
        raise Forbidden(f"{what} needs the role '{role_for(needed)}' and a token of scope '{scope_for(needed)}'.")


async def in_session(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard behind ``signed_in``: a token does not suffice (document 002: ``session-only``)."""
    if principal_of(connection).token_id:
        raise Forbidden(
            "A token cannot do this. Sign in with POST /auth/login and use the session's cookie.",
            code="session_required",
        )


async def operators_only(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard behind ``signed_in``: the caller looks after the plane itself (document 002: tokens never do)."""
    await in_session(connection, _)
    account = await credentials.account(parts_of(connection).callers, principal_of(connection).account_id)
    if account is None or not account.operator:
        raise Forbidden("Only an operator of this plane may do this.", code="operators_only")


async def identified(connection: Connection) -> Principal:
    """The caller by their token or session, or ``Unauthenticated``."""
    shown = connection.headers.get("authorization")
    principal = await (_by_token(connection, shown) if shown is not None else _by_session(connection))
    exchange_of(connection.scope).caller = f"{'token' if principal.token_id else 'session'} of {principal.account_id}"
    return principal


async def _by_token(connection: Connection, authorization: str) -> Principal:
    kind, _, text = authorization.partition(" ")
    if kind.casefold() != "bearer" or not tokens.is_token(text.strip()):
        raise Unauthenticated(
            "This is no Shipbook token, or it has a typo. Send Authorization: Bearer shpat_… with a whole token."
        )
    parts = parts_of(connection)
    row = _live(await credentials.token(parts.callers, tokens.digest(SecretValue(text.strip()))), parts.clock.now())
    if await credentials.membership(parts.callers, row.account_id, row.tenant_id) is None:
        raise Unauthenticated("Whose token this is, is no member of its workspace any more.")
    email = await _email(parts, row.account_id)
    parts.uses.note(row.id, parts.clock.now(), address(connection))
    return Principal(
        account_id=row.account_id,
        email=email,
        scope=row.scope,
        tenant_id=row.tenant_id,
        project_ids=row.project_ids,
        token_id=row.id,
    )


def _live(row: TokenRow | None, now: datetime) -> TokenRow:
    match row:
        case None:
            raise Unauthenticated("This token is not known here. Make another one.")
        case TokenRow(revoked_at=datetime()):
            raise Unauthenticated("This token was revoked. Make another one.")
        case TokenRow(expires_at=datetime() as expiry) if expiry <= now:
            raise Unauthenticated(f"This token expired at {expiry:%Y-%m-%d %H:%M} UTC. Make another one.")
    return row


async def _by_session(connection: Connection) -> Principal:
    cookie = connection.cookies.get(COOKIE, "")
    parts = parts_of(connection)
    row = await _session(parts, cookie) if tokens.is_session(cookie) else None
    if row is None:
        raise Unauthenticated(
            "Nobody is signed in. Send Authorization: Bearer shpat_…, or sign in with POST /auth/login."
        )
    if _method(connection) not in READING:
        require_same_origin(connection)
    email = await _email(parts, row.account_id)
    parts.uses.note(row.id, parts.clock.now(), address(connection))
    return Principal(account_id=row.account_id, email=email, scope=Scope.ADMIN, session_id=row.id)


async def _session(parts: Parts, cookie: str) -> SessionRow | None:
    row = await credentials.session(parts.callers, tokens.digest(SecretValue(cookie)))
    return row if row and row.expires_at > parts.clock.now() else None


def require_same_origin(connection: Connection) -> None:
    """Refuse a write that another site's page may have sent with the user's cookie.

    Browsers say where a request comes from (Fetch Metadata, or ``Origin``), and no page can make them lie.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin", "")
    same = site in {"same-origin", "none"} if site else origin.partition("://")[2] == connection.headers.get("host")
    if not same:
        raise Forbidden(
            "A write with a session's cookie must come from this origin. Send an Origin header that equals the API's "
            "own URL, or use a token.",
            code="cross_site",
        )


async def _email(parts: Parts, account_id: AccountId) -> str:
    account = await credentials.account(parts.callers, account_id)
    if account is None:
        raise Unauthenticated("The account does not exist any more.")
    return account.email


def _require_scope(principal: Principal, needed: Access) -> None:
    if OF_SCOPE[principal.scope] < needed:
        raise Forbidden(
            f"This needs a token of scope '{scope_for(needed)}'; yours has '{principal.scope}'. Make one that may.",
            code="scope_too_small",
        )


def _require_role(member: MembershipRow, needed: Access) -> None:
    if OF_ROLE[member.role] < needed:
        raise Forbidden(
            f"This needs the role '{role_for(needed)}' in the workspace; yours is '{member.role}'. Ask somebody who "
            "may give roles.",
            code="role_too_small",
        )


def _require_identifiers(parameters: dict[str, Any]) -> None:
    """Every id is a UUID's text; whatever else stands there names nothing."""
    for name, value in parameters.items():
        if name.endswith("_id") and not IDENTIFIER.fullmatch(value):
            raise NotFound(f"There is no such {_thing(name)}.")


def _thing(parameter: str) -> str:
    return "workspace" if parameter == "tenant_id" else parameter.removesuffix("_id").replace("_", " ")


async def _member(connection: Connection, principal: Principal, tenant: TenantId) -> MembershipRow:
    found = None
    if principal.tenant_id in {None, tenant}:
        found = await credentials.membership(parts_of(connection).callers, principal.account_id, tenant)
    if found is None:
        raise NotFound("There is no such workspace.")
    return found


async def _require_patience(connection: Connection, principal: Principal, tenant: TenantId) -> None:
    """Refuse a caller that asks more often than the workspace's limit, which this process keeps by itself."""
    parts = parts_of(connection)
    row = await credentials.workspace(parts.callers, tenant)
    own = row.limits.requests_per_minute if row else None
    limit = parts.settings.limit_requests_per_minute if own is None else own
    caller = principal.token_id or principal.account_id
    if limit is not None and (wait := parts.requests.take(f"{tenant} {caller}", limit)):
        raise QuotaExceeded(
            f"More than {limit} requests a minute. Ask again in {wait} seconds.",
            code="too_many_requests",
            retry_after=wait,
            limit=limit,
        )


def _method(connection: Connection) -> Method:
    return cast("HTTPScope", connection.scope)["method"]
