"""The commands that only look."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.declaring import app, client_command
from services.cli.deploying import Project

if TYPE_CHECKING:
    from services.cli.session import Session

PANEL = "Look"

Number = Annotated[
    int, typer.Option("--number", "-n", metavar="N", min=1, max=1000, help="How many, the newest first.")
]
AnyEnvironment = Annotated[
    str | None, typer.Option("--env", "-e", metavar="NAME", help="Only this environment: name or id.")
]


@client_command(
    app,
    "status",
    PANEL,
    [("shipbook status", "every project"), ("shipbook status -p shop --json | jq '.projects[].environments'", "one")],
)
def status(session: "Session", project: Project = None) -> int:
    """Show the plane's health, and what is live in each environment, at which URL."""
    from services.cli.overview import status

    return status(session, project)


@client_command(
    app,
    "deployments",
    PANEL,
    [
        ("shipbook deployments", "of all projects"),
        ("shipbook deployments -p shop --status failed", "what went wrong lately"),
    ],
)
def deployments(
    session: "Session",
    project: Project = None,
    environment: AnyEnvironment = None,
    status: Annotated[
        Literal["queued", "running", "succeeded", "failed", "cancelled"] | None, typer.Option(help="Only these.")
    ] = None,
    number: Number = 20,
) -> int:
    """List deployments."""
    from services.cli.overview import deployments

    return deployments(session, project, environment, status, number)


@client_command(app, "releases", PANEL, [("shipbook releases -p shop -e staging", "what it can be rolled back to")])
def releases(
    session: "Session", project: Project = None, environment: AnyEnvironment = None, number: Number = 20
) -> int:
    """List a project's releases: what is live, and what can be rolled back to."""
    from services.cli.overview import releases

    return releases(session, project, environment, number)


@client_command(
    app,
    "logs",
    PANEL,
    [
        ("shipbook logs", "of the newest deployment"),
        ("shipbook logs DEP-0042 -f", "as it comes, until the deployment ends"),
        ("shipbook logs --runtime production -p shop -f", "what the running server writes"),
        ("shipbook logs DEP-0042 --json --after 1500", "a JSON object a line, from line 1501"),
    ],
)
def logs(
    session: "Session",
    deployment: Annotated[
        str | None, typer.Argument(metavar="DEPLOYMENT", help="Such as DEP-0042, 42, or an id; else the newest.")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(metavar="ENV", help="The log of the active release's server in this environment.")
    ] = None,
    project: Project = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until there can be no more lines.")] = False,
    after: Annotated[int, typer.Option(metavar="SEQ", min=0, help="Only lines after this number.")] = 0,
) -> int:
    """Show the log of a deployment, or of a running server."""
    from services.cli.reading import logs

    return logs(session, deployment, runtime, project, follow=follow, after=after)
