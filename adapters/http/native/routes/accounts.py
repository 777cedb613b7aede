"""Signing in, and one's own tokens."""

from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from adapters.http import sessions, tokens
from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import in_session, parts_of
from adapters.http.native import asking, words
from adapters.http.native.wire.accounts import (
    Login,
    Me,
    NewToken,
    PasswordChange,
    Registration,
    SessionOut,
    TokenCreation,
    TokenOut,
)
from adapters.http.paging import Listing
from commands.account import RevokeApiToken, RevokeSession
from commands.ports import SecretValue
from domain.account import Scope
from domain.identifiers import AccountId, ApiTokenId, SessionId
from projections import credentials
from projections.credentials import AccountRow, ListedToken
from projections.reading import Reader

MY_TOKENS = "/account/api-tokens"


@post("/auth/register")
async def sign_up(request: Request[Any, Any, Any], data: JSONBody[Registration]) -> Response[Me]:
    """Register.

    Makes an account with a workspace of its own, and signs in: the answer sets a session's cookie. Where registration
    is by invitation only, the invitation's token is needed, and its workspace is joined.
    """
    invitation = SecretValue(data.invitation_token) if data.invitation_token else None
    account = await sessions.join(request, data.email, SecretValue(data.password), data.workspace_name, invitation)
    return await _entered(request, account, 201)


@post("/auth/login", status_code=200)
async def sign_in(request: Request[Any, Any, Any], data: JSONBody[Login]) -> Response[Me]:
    """Sign in.

    The answer sets a session's cookie, which lasts for 30 days. Ten wrong passwords within 15 minutes lock the account
    out for 15 minutes, for the address that sent them.
    """
    account = await sessions.authenticate(request, data.email, SecretValue(data.password))
    return await _entered(request, account, 200)


@post("/auth/logout", status_code=204)
async def sign_out(request: Request[Any, Any, Any]) -> Response[None]:
    """Sign out.

    The session ends at once.
    """
    return Response(None, cookies=[await sessions.end(request)])


@get("/auth/me")
async def show_me(call: NamedDependency[Call]) -> Answer[Me]:
    """Who am I?

    Begin here: ``memberships[0].tenantId`` is the ``tenant_id`` of the other paths.
    """
    caller = call.principal
    account = existing(await credentials.account(call.reader, caller.account_id), "account")
    workspaces = await credentials.memberships(call.reader, caller.account_id)
    return call.shown(1, words.accounts.me(account, workspaces, caller.scope, caller.tenant_id))


@get(MY_TOKENS, guards=[in_session])
async def list_tokens(call: NamedDependency[Call]) -> Listing[TokenOut]:
    """List my tokens.

    Without their secrets, and when each was used last. With a session only.
    """
    rows = await credentials.tokens(call.reader, call.principal.account_id)
    uses = await call.parts.uses.of([row.id for row in rows])
    return Listing(items=[words.accounts.token(row, uses.get(row.id)) for row in rows], next_cursor=None)


@post(MY_TOKENS, guards=[in_session])
async def issue_token(data: JSONBody[TokenCreation], call: NamedDependency[Call]) -> Answer[NewToken]:
    """Make a token.

    Its secret is shown in this answer, and never again. With ``projectIds`` it reaches these projects and nothing
    else. With a session only.
    """
    token_id = ApiTokenId(call.new("token"))
    secret = tokens.new_token(token_id)
    command = await asking.token(call, data, token_id, tokens.digest(secret))
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    row = existing(await _token(call.reader, call.principal.account_id, token_id), "token")
    return call.shown(1, words.accounts.new_token(row, None if call.replayed else secret.reveal), status=201)


@delete(MY_TOKENS + "/{token_id:str}", guards=[in_session])
async def revoke_token(token_id: FromPath[ApiTokenId], call: NamedDependency[Call]) -> None:
    """Revoke a token.

    It is refused from this moment on. With a session only.
    """
    command = RevokeApiToken(account_id=call.principal.account_id, token_id=token_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


@get("/account/sessions", guards=[in_session])
async def list_sessions(call: NamedDependency[Call]) -> Listing[SessionOut]:
    """List my sessions.

    The latest first: from where and with what each began, and when it was used last. With a session only.
    """
    rows = await credentials.sessions(call.reader, call.principal.account_id)
    live = [row for row in rows if row.expires_at > call.context.at]
    uses = await call.parts.uses.of([row.id for row in live])
    own = call.principal.session_id
    return Listing(items=[words.accounts.session(row, own, uses.get(row.id)) for row in live], next_cursor=None)


@delete("/account/sessions/{session_id:str}", guards=[in_session])
async def revoke_session(session_id: FromPath[SessionId], call: NamedDependency[Call]) -> None:
    """End one of my sessions.

    It is refused from this moment on. With a session only.
    """
    command = RevokeSession(account_id=call.principal.account_id, session_id=session_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


@post("/account/password", guards=[in_session], status_code=204)
async def change_password(
    request: Request[Any, Any, Any], data: JSONBody[PasswordChange], call: NamedDependency[Call]
) -> None:
    """Change my password.

    All other sessions end; tokens go on. A wrong current password counts like one at signing in. With a session only.
    """
    await sessions.change_password(request, call, SecretValue(data.current_password), SecretValue(data.new_password))


async def _entered(request: Request[Any, Any, Any], account: AccountRow, status: int) -> Response[Me]:
    workspaces = await credentials.memberships(parts_of(request).reader, account.id)
    cookie = await sessions.begin(request, account)
    return Response(words.accounts.me(account, workspaces, Scope.ADMIN, None), status_code=status, cookies=[cookie])


async def _token(reader: Reader, account_id: AccountId, token_id: ApiTokenId) -> ListedToken | None:
    return next((row for row in await credentials.tokens(reader, account_id) if row.id == token_id), None)


ROUTES = [
    show_me,
    list_sessions,
    revoke_session,
    change_password,
    list_tokens,
    issue_token,
    revoke_token,
]
ENTRANCE = [sign_up, sign_in, sign_out]
