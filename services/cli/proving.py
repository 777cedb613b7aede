"""What asks for the password: tokens, sessions, the password itself, new workspaces, and what operators do.

Each command signs in for as long as it lasts; the password is kept nowhere.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from adapters.http.native.wire.accounts import Login, NewToken, PasswordChange, SessionOut, TokenCreation, TokenOut
from adapters.http.native.wire.workspaces import LimitsIn, LimitsOut, WorkspaceCreation, WorkspaceOut
from domain.account import Scope
from domain.identifiers import TenantId
from services import logins
from services.cli import finding
from services.cli.bounding import show_limits
from services.cli.entering import hidden
from services.cli.session import Listing, Session
from services.client import Client
from services.console import age
from services.exits import Exit, WrongUsage

SCOPES = [scope.value for scope in Scope]


@contextmanager
def entered(session: Session, password: str | None = None) -> Iterator[Client]:
    """A client that is signed in with the password of whom the stored login belongs to; signed out at the end."""
    email = session.me.email
    given = password or hidden(f"Password of {email}: ")
    client = session.client_of(logins.Login(api_url=session.client.login.api_url))
    client.send("POST", "/auth/login", Login(email=email, password=given))
    try:
        yield client
    finally:
        client.send("POST", "/auth/logout")


def two_secrets(first: str, second: str) -> tuple[str, str]:
    """Two secrets, typed one after the other; not at a terminal, the two lines of standard input."""
    if sys.stdin.isatty():
        return hidden(first), hidden(second)
    lines = hidden("").splitlines()
    if len(lines) != 2:
        raise WrongUsage(f"Send two lines to standard input: {first}{second}".rstrip(" :") + ".")
    return lines[0], lines[1]


def tokens(session: Session) -> int:
    """Your tokens."""
    with entered(session) as client:
        found = client.get("/account/api-tokens", Listing[TokenOut]).items
    session.console.document(found)
    rows = [
        (
            one.id,
            one.name,
            one.scope,
            "all" if one.project_ids is None else str(len(one.project_ids)),
            f"{one.expires_at:%Y-%m-%d}" if one.expires_at else "never",
            age(one.last_used_at),
            one.last_used_from or "",
        )
        for one in found
    ]
    headings = ("ID", "NAME", "SCOPE", "PROJECTS", "EXPIRES", "USED", "FROM")
    session.console.table(headings, rows, empty="You have no token. Make one: shipbook tokens create NAME")
    return Exit.OK


def create_token(
    session: Session, name: str, scope: str, days: int | None, projects: list[str], workspace: str | None
) -> int:
    """Make a token, and show it this once."""
    if scope not in SCOPES:
        raise WrongUsage(f"'{scope}' is no scope; expected {', '.join(SCOPES)}.")
    wanted = TokenCreation(
        name=name,
        scope=Scope(scope),
        tenant_id=TenantId(workspace) if workspace else session.tenant_id,
        expires_at=datetime.now(UTC) + timedelta(days=days) if days else None,
        project_ids=[finding.project(session, one).id for one in projects] or None,
    )
    with entered(session) as client:
        made = client.post("/account/api-tokens", wanted, NewToken)
    session.console.document(made)
    session.console.say(made.token or "(shown already)")
    session.console.note("Keep it: it is not shown again.")
    return Exit.OK


def revoke_token(session: Session, token: str) -> int:
    """Revoke a token."""
    with entered(session) as client:
        client.delete(f"/account/api-tokens/{token}")
    session.console.document({"revoked": token})
    session.console.say("The token works no more.")
    return Exit.OK


def sessions(session: Session) -> int:
    """Where you are signed in."""
    with entered(session) as client:
        found = [one for one in client.get("/account/sessions", Listing[SessionOut]).items if not one.current]
    session.console.document(found)
    rows = [
        (one.id, one.address or "", one.user_agent or "", age(one.started_at), age(one.last_used_at)) for one in found
    ]
    session.console.table(
        ("ID", "FROM", "WITH", "BEGAN", "USED"), rows, empty="You are signed in nowhere else but with tokens."
    )
    return Exit.OK


def end_session(session: Session, identifier: str) -> int:
    """End a session."""
    with entered(session) as client:
        client.delete(f"/account/sessions/{identifier}")
    session.console.document({"ended": identifier})
    session.console.say("The session has ended.")
    return Exit.OK


def change_password(session: Session) -> int:
    """Change the password. Not at a terminal, two lines are read: the old one and the new one."""
    old, new = two_secrets("Old password: ", "New password: ")
    if sys.stdin.isatty() and hidden("New password again: ") != new:
        raise WrongUsage("The two are not the same. Nothing was changed.")
    with entered(session, old) as client:
        client.send("POST", "/account/password", PasswordChange(current_password=old, new_password=new))
    session.console.document({"changed": True})
    session.console.say("The password is changed, and all your sessions have ended. Tokens work on.")
    return Exit.OK


def workspaces(session: Session) -> int:
    """Your workspaces."""
    with entered(session) as client:
        found = client.get("/tenants", Listing[WorkspaceOut]).items
    session.console.document(found)
    session.console.table(("ID", "NAME", "ROLE"), [(one.id, one.name, one.role) for one in found], empty="None.")
    return Exit.OK


def create_workspace(session: Session, name: str) -> int:
    """Make another workspace."""
    with entered(session) as client:
        made = client.post("/tenants", WorkspaceCreation(name=name), WorkspaceOut)
    session.console.document(made)
    session.console.say(
        f"{made.name} is there: {made.id}. Make a token for it with: shipbook tokens create --workspace"
    )
    return Exit.OK


def set_limits(session: Session, workspace: str, wanted: LimitsIn) -> int:
    """Set all limits of a workspace, as an operator."""
    with entered(session) as client:
        found = client.put(f"/operator/workspaces/{workspace}/limits", wanted, LimitsOut)
    show_limits(session.console, found)
    return Exit.OK
