"""The commands about what runs: its instances, their configuration, and the requests that they answered."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import Environment, Project, Reason

if TYPE_CHECKING:
    from services.cli.session import Session

runtime = new_app("What runs in an environment: its instances, their configuration; start, stop and restart it.")
app.add_typer(runtime, name="runtime", rich_help_panel="Deploy")

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it has become so, or has failed.")]


@client_command(
    runtime,
    "show",
    None,
    [("shipbook runtime show -p shop", "production"), ("shipbook runtime show -e staging --json", "for scripts")],
)
def show(session: "Session", project: Project = None, environment: Environment = "production") -> int:
    """Show what is live, at which URLs, and each instance with what it uses."""
    from services.cli.instances import show

    return show(session, project, environment)


@client_command(
    runtime,
    "set",
    None,
    [
        ("shipbook runtime set -p shop --instances 3 --memory 1024", "in every environment, without a build"),
        ("shipbook runtime set -p shop --start 'node server.js' --no-apply", "from the next deployment on"),
    ],
)
def configure(
    session: "Session",
    project: Project = None,
    instances: Annotated[int | None, typer.Option(metavar="N", help="How many run side by side.")] = None,
    memory: Annotated[int | None, typer.Option(metavar="MB", help="Memory of each, in MB.")] = None,
    cpus: Annotated[float | None, typer.Option(metavar="N", help="Processors of each, also in parts.")] = None,
    start: Annotated[str | None, typer.Option(metavar="COMMAND", help="Starts the server.")] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Where it listens, if not at $PORT.")] = None,
    health: Annotated[str | None, typer.Option(metavar="PATH", help="Asked until it answers.")] = None,
    health_timeout: Annotated[int | None, typer.Option(metavar="SECONDS", help="How long a start may take.")] = None,
    kind: Annotated[
        Literal["static", "node", "python"] | None, typer.Option("--type", help="How it is served; takes a build.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply/--no-apply", help="Restart what runs with it; else it waits for the next one.")
    ] = True,
    wait: Wait = True,
) -> int:
    """Change how a project runs. What runs is restarted with it at once, without a build or a lost request.

    If it does not become healthy, what served goes on serving, and the status is 1.
    """
    from services.cli.instances import Changes, configure

    changes = Changes(
        instances=instances,
        memory_mb=memory,
        cpus=cpus,
        start=start,
        port=port,
        health_path=health,
        health_seconds=health_timeout,
        kind=kind,
    )
    return configure(session, project, changes, apply=apply, wait=wait)


@client_command(
    runtime, "restart", None, [("shipbook runtime restart -p shop --reason 'it leaks'", "without a lost request")]
)
def restart(
    session: "Session",
    project: Project = None,
    environment: Environment = "production",
    reason: Reason = None,
    wait: Wait = True,
) -> int:
    """Start the active release anew, with the project's configuration of this moment."""
    from services.cli.instances import ask

    return ask(session, "restart", project, environment, reason, wait=wait)


@client_command(
    runtime, "stop", None, [("shipbook runtime stop -p shop -e staging", "until it is started or deployed to")]
)
def stop(
    session: "Session",
    project: Project = None,
    environment: Environment = "production",
    reason: Reason = None,
) -> int:
    """Stop what runs; visitors are told so."""
    from services.cli.instances import ask

    return ask(session, "stop", project, environment, reason, wait=True)


@client_command(runtime, "start", None, [("shipbook runtime start -p shop -e staging", "what was live before")])
def start(
    session: "Session",
    project: Project = None,
    environment: Environment = "production",
    reason: Reason = None,
    wait: Wait = True,
) -> int:
    """Start what was stopped."""
    from services.cli.instances import ask

    return ask(session, "start", project, environment, reason, wait=wait)


@client_command(
    app,
    "requests",
    "Look",
    [
        ("shipbook requests -p shop", "those that failed, or were no GET"),
        ("shipbook requests -p shop --all -f", "every one, as it comes"),
        ("shipbook requests -p shop --json --after 1500", "a JSON object a line"),
    ],
)
def requests(
    session: "Session",
    project: Project = None,
    environment: Environment = "production",
    everything: Annotated[bool, typer.Option("--all", help="Every request, also each GET that went well.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Those to come, until Ctrl-C.")] = False,
    after: Annotated[
        int | None, typer.Option(metavar="SEQ", min=0, help="Only requests after this number; else all that are kept.")
    ] = None,
) -> int:
    """Show the access log of an environment: the requests that it answered."""
    from services.cli.instances import requests

    return requests(session, project, environment, after, everything=everything, follow=follow)
