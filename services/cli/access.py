"""The commands about people: members, invitations, tokens, sessions, and what a workspace may use."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.declaring import app, client_command, new_app

if TYPE_CHECKING:
    from services.cli.session import Session

PANEL = "People and limits"

members = new_app("Who may work in the workspace, and who is invited.")
app.add_typer(members, name="members", rich_help_panel=PANEL)
tokens = new_app("Tokens of yours. The commands ask for your password: a token manages no tokens.")
app.add_typer(tokens, name="tokens", rich_help_panel=PANEL)
account = new_app("Your sessions and your password. The commands ask for the password.")
app.add_typer(account, name="account", rich_help_panel=PANEL)
workspaces = new_app("Your workspaces.")
app.add_typer(workspaces, name="workspaces", rich_help_panel=PANEL)
limits = new_app("What a workspace may use, and what it uses.")
app.add_typer(limits, name="limits", rich_help_panel=PANEL)

Email = Annotated[str, typer.Argument(metavar="ADDRESS", help="The e-mail address.")]
Role = Annotated[str, typer.Option("--role", metavar="ROLE", help="owner, admin, developer or viewer.")]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="owner, admin, developer or viewer.")]
Days = Annotated[int, typer.Option(metavar="N", min=1, max=90, help="So many days it can be accepted.")]
Identifier = Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
Scope = Annotated[str, typer.Option(metavar="SCOPE", help="read, deploy or admin.")]
Expiry = Annotated[int | None, typer.Option("--days", metavar="N", min=1, help="It stops working then; else never.")]
Projects = Annotated[
    list[str] | None, typer.Option("--project", "-p", metavar="NAME", help="Only this project; again for more.")
]
Workspace = Annotated[str | None, typer.Option(metavar="ID", help="Another workspace of yours.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it stands in the audit trail.")]
Number = Annotated[int | None, typer.Option(metavar="N", min=0, help="Else as usual here; 0 forbids it.")]


@client_command(members, "list", None, [("shipbook members list", "members and open invitations")])
def members_list(session: "Session") -> int:
    """List the members of the workspace, and who is invited."""
    from services.cli.admitting import members

    return members(session)


@client_command(
    members,
    "invite",
    None,
    [("shipbook members invite you@example.com --role viewer", "shows a token, once, for them to accept with")],
)
def members_invite(session: "Session", email: Email, role: Role = "developer", days: Days = 7) -> int:
    """Invite somebody into the workspace."""
    from services.cli.admitting import invite

    return invite(session, email, role, days)


@client_command(
    members, "withdraw", None, [("shipbook members withdraw you@example.com", "the token is worth nothing")]
)
def members_withdraw(session: "Session", email: Email) -> int:
    """Withdraw the invitations of an address."""
    from services.cli.admitting import withdraw

    return withdraw(session, email)


@client_command(members, "role", None, [("shipbook members role you@example.com admin", "holds from now on")])
def members_role(session: "Session", email: Email, role: RoleArgument, reason: Reason = None) -> int:
    """Give a member another role."""
    from services.cli.admitting import give_role

    return give_role(session, email, role, reason)


@client_command(members, "remove", None, [("shipbook members remove you@example.com", "their tokens work no more")])
def members_remove(session: "Session", email: Email, reason: Reason = None) -> int:
    """Remove a member."""
    from services.cli.admitting import remove

    return remove(session, email, reason)


@client_command(members, "accept", None, [("shipbook members accept", "asks for the token and your password")])
def members_accept(session: "Session") -> int:
    """Accept an invitation into another workspace. Not at a terminal, two lines are read: token and password."""
    from services.cli.admitting import accept

    return accept(session)


@client_command(tokens, "list", None, [("shipbook tokens list", "what they may do, and when each was used last")])
def tokens_list(session: "Session") -> int:
    """List your tokens."""
    from services.cli.proving import tokens

    return tokens(session)


@client_command(
    tokens,
    "create",
    None,
    [
        ("shipbook tokens create CI --scope deploy --days 90", "shows it once"),
        ("shipbook tokens create CI --scope deploy -p shop", "reaches the project 'shop' alone"),
    ],
)
def tokens_create(
    session: "Session",
    name: Name,
    scope: Scope = "deploy",
    days: Expiry = None,
    projects: Projects = None,
    workspace: Workspace = None,
) -> int:
    """Make a token."""
    from services.cli.proving import create_token

    return create_token(session, name, scope, days, projects or [], workspace)


@client_command(tokens, "revoke", None, [("shipbook tokens revoke 01900000-0000-7000-8000-000000000001", "at once")])
def tokens_revoke(session: "Session", identifier: Identifier) -> int:
    """Revoke a token."""
    from services.cli.proving import revoke_token

    return revoke_token(session, identifier)


@client_command(account, "sessions", None, [("shipbook account sessions", "where you are signed in")])
def account_sessions(session: "Session") -> int:
    """List your sessions."""
    from services.cli.proving import sessions

    return sessions(session)


@client_command(
    account, "end-session", None, [("shipbook account end-session 01900000-0000-7000-8000-000000000001", "at once")]
)
def account_end_session(session: "Session", identifier: Identifier) -> int:
    """End a session."""
    from services.cli.proving import end_session

    return end_session(session, identifier)


@client_command(account, "password", None, [("shipbook account password", "all your sessions end")])
def account_password(session: "Session") -> int:
    """Change your password: the old one is asked for, and then the new one."""
    from services.cli.proving import change_password

    return change_password(session)


@client_command(workspaces, "list", None, [("shipbook workspaces list", "what you are in each")])
def workspaces_list(session: "Session") -> int:
    """List your workspaces; the first is the one that commands work in."""
    from services.cli.proving import workspaces

    return workspaces(session)


@client_command(workspaces, "create", None, [("shipbook workspaces create 'Corner shop'", "asks for your password")])
def workspaces_create(session: "Session", name: Name) -> int:
    """Make another workspace."""
    from services.cli.proving import create_workspace

    return create_workspace(session, name)


@client_command(limits, "show", None, [("shipbook limits show", "limits, use, and when it begins again")])
def limits_show(session: "Session") -> int:
    """Show what the workspace may use, and what it uses."""
    from services.cli.admitting import limits

    return limits(session)


@client_command(
    limits,
    "set",
    None,
    [
        (
            "shipbook limits set WORKSPACE --deployments-per-day 50",
            "asks for an operator's password; all else is as usual",
        )
    ],
)
def limits_set(
    session: "Session",
    workspace: Annotated[str, typer.Argument(metavar="WORKSPACE", help="The workspace's id.")],
    deployments_per_day: Number = None,
    builds_at_once: Number = None,
    projects: Number = None,
    secrets: Number = None,
    log_mb_per_day: Number = None,
    requests_per_minute: Number = None,
    reason: Reason = None,
) -> int:
    """Set all limits of a workspace, as an operator."""
    from adapters.http.native.wire.workspaces import LimitsIn
    from services.cli.proving import set_limits

    wanted = LimitsIn(
        deployments_per_day=deployments_per_day,
        builds_at_once=builds_at_once,
        projects=projects,
        secrets=secrets,
        log_mb_per_day=log_mb_per_day,
        requests_per_minute=requests_per_minute,
        reason=reason,
    )
    return set_limits(session, workspace, wanted)
