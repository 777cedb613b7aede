"""The commands about custom domains."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import Project

if TYPE_CHECKING:
    from services.cli.session import Session

domains = new_app("Host names of your own: which DNS records to set, and how they stand.")
app.add_typer(domains, name="domains", rich_help_panel="Deploy")

Hostname = Annotated[str, typer.Argument(metavar="HOST", help="The host name, such as www.example.com.")]
Environment = Annotated[
    str | None, typer.Option("--env", "-e", metavar="NAME", help="The environment that answers; else production.")
]
RedirectTo = Annotated[
    str | None, typer.Option(metavar="HOST", help="Send requests on to this host name instead of answering.")
]
Status = Annotated[
    int, typer.Option("--redirect-status", metavar="301|308", help="308 keeps the request's method and body.")
]


@client_command(domains, "list", None, [("shipbook domains list -p shop", "how each domain stands")])
def domains_list(session: "Session", project: Project = None) -> int:
    """List a project's custom domains."""
    from services.cli.pointing import listing

    return listing(session, project)


@client_command(
    domains,
    "add",
    None,
    [
        ("shipbook domains add www.example.com -p shop", "production answers there"),
        ("shipbook domains add '*.example.com' -e staging", "every name one label below example.com"),
        ("shipbook domains add example.com --redirect-to www.example.com", "sends visitors on"),
    ],
)
def domains_add(
    session: "Session",
    hostname: Hostname,
    project: Project = None,
    environment: Environment = None,
    redirect_to: RedirectTo = None,
    redirect_status: Status = 308,
) -> int:
    """Add a custom domain, and show which DNS records to set."""
    from services.cli.pointing import add

    return add(session, hostname, project, environment, redirect_to, redirect_status)


@client_command(
    domains, "show", None, [("shipbook domains show www.example.com", "records, what was seen, what lacks")]
)
def domains_show(session: "Session", hostname: Hostname, project: Project = None) -> int:
    """Show a domain: its records, what the name servers answered, its certificate."""
    from services.cli.pointing import show

    return show(session, hostname, project)


@client_command(
    domains,
    "verify",
    None,
    [
        ("shipbook domains verify www.example.com", "asks its name servers now; exit status 1 if it is not verified"),
        ("shipbook domains verify www.example.com --wait", "asks again until it is, for ten minutes"),
    ],
)
def domains_verify(
    session: "Session",
    hostname: Hostname,
    project: Project = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Ask again until it is verified.")] = False,
) -> int:
    """Ask a domain's own name servers whether its records are right."""
    from services.cli.pointing import verify

    return verify(session, hostname, project, wait=wait)


@client_command(
    domains,
    "change",
    None,
    [
        ("shipbook domains change www.example.com -e staging", "another environment answers"),
        ("shipbook domains change example.com --redirect-to www.example.com", "sends visitors on"),
        ("shipbook domains change example.com --no-redirect", "answers them itself again"),
    ],
)
def domains_change(
    session: "Session",
    hostname: Hostname,
    project: Project = None,
    environment: Environment = None,
    redirect_to: RedirectTo = None,
    redirect_status: Status = 308,
    no_redirect: Annotated[bool, typer.Option("--no-redirect", help="Answer requests again.")] = False,
) -> int:
    """Let a domain show another environment, redirect, or answer again."""
    from services.cli.pointing import change

    return change(session, hostname, project, environment, redirect_to, redirect_status, no_redirect=no_redirect)


@client_command(domains, "rm", None, [("shipbook domains rm www.example.com", "shows nothing there any more")])
def domains_remove(session: "Session", hostname: Hostname, project: Project = None) -> int:
    """Remove a custom domain; its name is free for everybody."""
    from services.cli.pointing import remove

    return remove(session, hostname, project)
