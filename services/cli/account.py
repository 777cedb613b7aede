"""The commands about who you are and what only the applications may know."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import Project

if TYPE_CHECKING:
    from services.cli.session import Session

PANEL = "Account and secrets"

secrets = new_app("Variables that builds and servers get, and nobody can read again.")
app.add_typer(secrets, name="secrets", rich_help_panel=PANEL)

Environment = Annotated[
    str | None, typer.Option("--env", "-e", metavar="NAME", help="Only for this environment of the project.")
]
SecretArgument = Annotated[str, typer.Argument(metavar="NAME", help="The variable's name, such as STRIPE_KEY.")]


@client_command(
    app,
    "login",
    PANEL,
    [
        ("shipbook login --api-url https://ship.example.com", "asks for the e-mail address and the password"),
        ("shipbook login --with-token < token.txt", "keep a token that you have"),
    ],
)
def login(
    session: "Session",
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Your e-mail address; else it is asked.")] = None,
    with_token: Annotated[bool, typer.Option("--with-token", help="Read a token from standard input.")] = False,
) -> int:
    """Log in to a plane, and keep the login in ~/.config/shipbook (readable by you alone)."""
    from services.cli.entering import login

    return login(session, email, with_token=with_token)


@client_command(app, "logout", PANEL, [("shipbook logout", "forget the stored login")])
def logout(session: "Session") -> int:
    """Forget the stored login."""
    from services.cli.entering import logout

    return logout(session)


@client_command(
    secrets, "list", None, [("shipbook secrets list -p shop", "names and versions; values are never shown")]
)
def secrets_list(session: "Session", project: Project = None) -> int:
    """List the secrets of the workspace, or those that one project sees."""
    from services.cli.sealing import listing

    return listing(session, project)


@client_command(
    secrets,
    "set",
    None,
    [
        ("shipbook secrets set STRIPE_KEY -p shop", "asks for the value"),
        ("shipbook secrets set STRIPE_KEY -p shop -e production < key.txt", "reads it from a file"),
        ("shipbook secrets set SENTRY_DSN", "for every project of the workspace"),
    ],
)
def secrets_set(
    session: "Session", name: SecretArgument, project: Project = None, environment: Environment = None
) -> int:
    """Set a secret. Its value comes from standard input or a prompt, never from the command line.

    Later deployments see it. One trailing line break of the input is dropped.
    """
    from services.cli.sealing import set_secret

    return set_secret(session, name, project, environment)


@client_command(
    secrets,
    "show",
    None,
    [("shipbook secrets show STRIPE_KEY -p shop", "its versions, when and by whom they were set")],
)
def secrets_show(
    session: "Session", name: SecretArgument, project: Project = None, environment: Environment = None
) -> int:
    """Show a secret's versions; values are never shown."""
    from services.cli.unsealing import show

    return show(session, name, project, environment)


@client_command(
    secrets,
    "uses",
    None,
    [("shipbook secrets uses STRIPE_KEY -p shop", "which releases have it, and whether in its newest version")],
)
def secrets_uses(
    session: "Session", name: SecretArgument, project: Project = None, environment: Environment = None
) -> int:
    """List the releases that have a secret, and in which version."""
    from services.cli.unsealing import uses

    return uses(session, name, project, environment)


@client_command(
    secrets,
    "effective",
    None,
    [
        ("shipbook secrets effective -p shop -e production", "what its next deployment gets, and from where"),
        ("shipbook secrets effective -p shop", "what every environment of the project gets"),
    ],
)
def secrets_effective(session: "Session", project: Project = None, environment: Environment = None) -> int:
    """Show what an environment sees: each name once, from the narrowest scope that has it."""
    from services.cli.unsealing import effective

    return effective(session, project, environment)


@client_command(
    secrets,
    "import",
    None,
    [
        ("shipbook secrets import .env -p shop -e staging", "each of its variables becomes a secret there"),
        ("shipbook secrets import .env --dry-run", "only say what would be done"),
        ("pass show shop/env | shipbook secrets import - -p shop", "from another program"),
    ],
)
def secrets_import(
    session: "Session",
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .env file; - is standard input.")],
    project: Project = None,
    environment: Environment = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep nothing; say what would be done.")] = False,
) -> int:
    """Import a .env file. A line that cannot be used refuses all of it; repeat it as often as you like."""
    from services.cli.unsealing import import_file

    return import_file(session, file, project, environment, dry_run=dry_run)


@client_command(
    secrets,
    "shred",
    None,
    [("shipbook secrets shred --confirm Acme --reason 'The contract ended.'", "nobody can open a value any more")],
)
def secrets_shred(
    session: "Session",
    confirm: Annotated[str, typer.Option(metavar="NAME", help="The workspace's name, to show that you mean it.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; the audit trail keeps it.")],
) -> int:
    """Destroy the workspace's keys, and with them every secret, credential and database password. Owners only."""
    from services.cli.unsealing import shred

    return shred(session, confirm, reason)


@client_command(secrets, "rm", None, [("shipbook secrets rm STRIPE_KEY -p shop", "later deployments do without")])
def secrets_remove(
    session: "Session",
    name: SecretArgument,
    project: Project = None,
    environment: Environment = None,
) -> int:
    """Remove a secret."""
    from services.cli.sealing import remove

    return remove(session, name, project, environment)
