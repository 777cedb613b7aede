"""The commands that only look."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from pathlib import Path
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
        Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled", "rejected", "superseded"] | None,
        typer.Option(help="Only these."),
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


Actor = Annotated[str | None, typer.Option(metavar="WHO", help="An e-mail address, a part's name, or an account's id.")]
Action = Annotated[str | None, typer.Option(metavar="TYPE", help="A type, or several: 'deployment.*'.")]
Subject = Annotated[str | None, typer.Option(metavar="THING", help="One thing, such as project-<id>.")]
SinceWhen = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="A moment, or how long ago: 90m, 7d.")]


@client_command(
    app,
    "audit",
    PANEL,
    [
        ("shipbook audit", "who did what lately"),
        ("shipbook audit --action 'secret.*' --since 7d", "what became of secrets this week"),
        ("shipbook audit --actor ada@example.com --json", "what one person did"),
    ],
)
def audit(
    session: "Session",
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: SinceWhen = None,
    number: Number = 20,
) -> int:
    """Show the audit trail: who did what, when and why."""
    from services.cli import auditing

    sought = auditing.Filters(actor=actor, action=action, subject=subject, since=auditing.moment(since))
    return auditing.trail(session, sought, number)


@client_command(
    app,
    "audit-export",
    PANEL,
    [("shipbook audit-export --csv -o audit.csv --since 90d", "for a spreadsheet; the export is itself a fact")],
)
def audit_export(
    session: "Session",
    csv: Annotated[bool, typer.Option("--csv", help="CSV in place of JSON lines.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Else standard output.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept in the audit trail.")] = None,
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: SinceWhen = None,
) -> int:
    """Take the audit trail elsewhere, whole or in part."""
    from domain.audit import ExportFormat
    from services.cli import auditing

    sought = auditing.Filters(actor=actor, action=action, subject=subject, since=auditing.moment(since))
    kind = ExportFormat.CSV if csv else ExportFormat.NDJSON
    return auditing.export(session, sought, kind, output, reason)


@client_command(app, "why", PANEL, [("shipbook why DEP-0042", "from the request to the release that became active")])
def why(
    session: "Session", deployment: Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="DEP-0042, or an id.")]
) -> int:
    """Explain a deployment: who asked for it, and each thing that followed."""
    from services.cli import auditing

    return auditing.why(session, deployment)
