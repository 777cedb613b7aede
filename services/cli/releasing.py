"""The commands about deployments that wait, promotions, schedules and freezes."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import PANEL, DeploymentArgument, Environment, Follow, Project, Reason

if TYPE_CHECKING:
    from services.cli.session import Session

schedules = new_app("Deployments at times of cron.")
app.add_typer(schedules, name="schedules", rich_help_panel=PANEL)
freezes = new_app("Times when nothing may be deployed.")
app.add_typer(freezes, name="freezes", rich_help_panel=PANEL)

Override = Annotated[bool, typer.Option("--override", help="Although deployments are frozen; needs --reason.")]
Schedule = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its id, or how that begins.")]
Cron = Annotated[str, typer.Argument(metavar="CRON", help="Such as '30 2 * * mon-fri'.")]
TimeZone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="On whose clocks, such as Europe/Berlin.")]


@client_command(
    app,
    "approve",
    PANEL,
    [("shipbook approve DEP-0042 --reason 'tried it on staging'", "lets it be done"), ("shipbook approve 42", "too")],
)
def approve(
    session: "Session", deployment: DeploymentArgument, reason: Reason = None, override: Override = False
) -> int:
    """Approve a deployment that waits."""
    from services.cli.judging import approve

    return approve(session, deployment, reason, override=override)


@client_command(app, "reject", PANEL, [("shipbook reject DEP-0042 --reason 'not today'", "it is not done")])
def reject(session: "Session", deployment: DeploymentArgument, reason: Reason = None) -> int:
    """Reject a deployment that waits."""
    from services.cli.judging import reject

    return reject(session, deployment, reason)


@client_command(
    app,
    "promote",
    PANEL,
    [
        ("shipbook promote --from staging -p shop", "what is live in staging goes to production"),
        ("shipbook promote DEP-0042 --env preview", "the release of that deployment"),
    ],
)
def promote(
    session: "Session",
    release: Annotated[
        str | None, typer.Argument(metavar="RELEASE", help="Its deployment such as DEP-0042, or its id.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="The environment whose active release it is.")
    ] = None,
    project: Project = None,
    environment: Environment = "production",
    reason: Reason = None,
    override: Override = False,
    follow: Follow = True,
) -> int:
    """Make a release of another environment live, without building it again."""
    from services.cli.judging import promote

    return promote(session, release, source, project, environment, reason, override=override, follow=follow)


@client_command(schedules, "list", None, [("shipbook schedules list -p shop -e staging", "and when each is due next")])
def schedules_list(session: "Session", project: Project = None, environment: Environment = "production") -> int:
    """List an environment's schedules."""
    from services.cli.timing import listing

    return listing(session, project, environment)


@client_command(
    schedules,
    "add",
    None,
    [
        (
            "shipbook schedules add '30 2 * * mon-fri' --timezone Europe/Berlin -p shop",
            "each working day at half past two",
        )
    ],
)
def schedules_add(
    session: "Session",
    cron: Cron,
    timezone: TimeZone = "UTC",
    branch: Annotated[str | None, typer.Option(metavar="BRANCH", help="Another branch than the environment's.")] = None,
    project: Project = None,
    environment: Environment = "production",
) -> int:
    """Deploy an environment at times."""
    from services.cli.timing import add

    return add(session, project, environment, cron, timezone, branch)


@client_command(schedules, "pause", None, [("shipbook schedules pause 0190", "until it is resumed")])
def schedules_pause(
    session: "Session", schedule: Schedule, project: Project = None, environment: Environment = "production"
) -> int:
    """Let a schedule deploy nothing for a while."""
    from services.cli.timing import pause

    return pause(session, project, environment, schedule, paused=True)


@client_command(schedules, "resume", None, [("shipbook schedules resume 0190", "from its next time on")])
def schedules_resume(
    session: "Session", schedule: Schedule, project: Project = None, environment: Environment = "production"
) -> int:
    """Let a paused schedule deploy again."""
    from services.cli.timing import pause

    return pause(session, project, environment, schedule, paused=False)


@client_command(schedules, "rm", None, [("shipbook schedules rm 0190", "it deploys no more")])
def schedules_rm(
    session: "Session", schedule: Schedule, project: Project = None, environment: Environment = "production"
) -> int:
    """Delete a schedule."""
    from services.cli.timing import remove

    return remove(session, project, environment, schedule)


@client_command(freezes, "list", None, [("shipbook freezes list", "and when each lasts next")])
def freezes_list(session: "Session") -> int:
    """List the workspace's freeze windows."""
    from services.cli.freezing import listing

    return listing(session)


@client_command(
    freezes,
    "add",
    None,
    [
        ("shipbook freezes add Holidays --from 2030-12-20T18:00Z --until 2031-01-02T08:00Z", "once"),
        ("shipbook freezes add Weekends --days fri,sat --from 18:00 --until 18:00", "each week"),
    ],
)
def freezes_add(
    session: "Session",
    name: Annotated[str, typer.Argument(metavar="NAME", help="What those read who are refused.")],
    begins: Annotated[str, typer.Option("--from", metavar="TIME", help="A time, or with --days a time of day.")],
    until: Annotated[str, typer.Option(metavar="TIME", help="A later time, or with --days a time of day.")],
    days: Annotated[str | None, typer.Option(metavar="DAYS", help="Each week on these, such as mon,tue.")] = None,
    timezone: TimeZone = "UTC",
    kind: Annotated[
        Literal["deny", "allow"], typer.Option(help="Deny deployments then, or at all other times.")
    ] = "deny",
    project: Project = None,
    environment: Annotated[
        str | None, typer.Option("--env", "-e", metavar="NAME", help="Only to this environment.")
    ] = None,
) -> int:
    """Freeze deployments of the workspace, of --project, or to one --env of it."""
    from services.cli.freezing import add

    return add(session, name, begins, until, days, timezone, kind, project, environment)


@client_command(freezes, "rm", None, [("shipbook freezes rm Holidays", "deployments go on")])
def freezes_rm(
    session: "Session", name: Annotated[str, typer.Argument(metavar="NAME", help="The window: name or id.")]
) -> int:
    """Remove a freeze window."""
    from services.cli.freezing import remove

    return remove(session, name)
