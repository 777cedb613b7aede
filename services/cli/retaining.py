"""The commands about how long things are kept."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import PANEL, Project, Reason
from services.exits import WrongUsage

if TYPE_CHECKING:
    from services.cli.session import Session

retention = new_app("How long things are kept.")
app.add_typer(retention, name="retention", rich_help_panel=PANEL)

Release = Annotated[str, typer.Argument(metavar="RELEASE", help="Its deployment such as DEP-0042, or its id.")]


@client_command(retention, "show", None, [("shipbook retention show", "releases, logs, caches and backups")])
def retention_show(session: "Session") -> int:
    """Show how long the workspace's things are kept."""
    from services.cli.keeping import show

    return show(session)


@client_command(
    retention,
    "set",
    None,
    [
        ("shipbook retention set --releases 10 --reason 'disks are dear'", "of each environment the newest ten"),
        ("shipbook retention set --usual", "as the installation has it"),
    ],
)
def retention_set(
    session: "Session",
    releases: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1000, help="So many of the newest stay in each environment.")
    ] = None,
    usual: Annotated[bool, typer.Option("--usual", help="As many as the installation has it.")] = False,
    reason: Reason = None,
) -> int:
    """Set how many releases stay in each environment."""
    from services.cli.keeping import keep

    if usual == (releases is not None):
        raise WrongUsage("Say --releases with a number, or --usual.")
    return keep(session, releases, reason)


@client_command(app, "pin", PANEL, [("shipbook pin DEP-0042 -p shop --reason 'the fair'", "its release never expires")])
def pin(session: "Session", release: Release, project: Project = None, reason: Reason = None) -> int:
    """Pin a release, so that it does not expire however many follow it."""
    from services.cli.keeping import pin

    return pin(session, release, project, reason)


@client_command(app, "unpin", PANEL, [("shipbook unpin DEP-0042 -p shop", "its release expires as any other")])
def unpin(session: "Session", release: Release, project: Project = None) -> int:
    """Unpin a release, so that it may expire."""
    from services.cli.keeping import unpin

    return unpin(session, release, project)
