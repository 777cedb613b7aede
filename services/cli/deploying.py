"""The commands that make deployments and change them."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.declaring import Json, app, client_command, server_command

if TYPE_CHECKING:
    from services.cli.session import Session

PANEL = "Deploy"

Follow = Annotated[bool, typer.Option("--follow/--no-follow", help="Show the log until the deployment ends.")]
Project = Annotated[str | None, typer.Option("--project", "-p", metavar="NAME", help="The project: name, slug or id.")]
Environment = Annotated[str, typer.Option("--env", "-e", metavar="NAME", help="The environment: name or id.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the audit trail.")]
DeploymentArgument = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Such as DEP-0042, 42, or an id.")]


@client_command(
    app,
    "deploy",
    PANEL,
    [
        ("shipbook deploy", "the repository here, to production"),
        ("shipbook deploy --env staging --branch next", "makes the environment when there is none"),
        ("shipbook deploy --repo https://github.com/me/shop", "any repository that the plane can fetch"),
        ("shipbook deploy --no-follow --json | jq -r .ref", "for scripts: only trigger"),
    ],
)
def deploy(
    session: "Session",
    repo: Annotated[
        str | None, typer.Option(metavar="PATH_OR_URL", help="The repository; else the one of this directory.")
    ] = None,
    remote: Annotated[bool, typer.Option("--remote", help="Build from the https URL of its remote 'origin'.")] = False,
    kind: Annotated[
        Literal["static", "react", "node", "python"] | None,
        typer.Option("--type", help="What it is, for a new project; else its files tell."),
    ] = None,
    environment: Environment = "production",
    branch: Annotated[
        str | None,
        typer.Option(metavar="BRANCH", help="The branch to build; else the one that the environment follows."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The project; else the one made of this folder, else a new one.")
    ] = None,
    root: Annotated[
        str | None, typer.Option(metavar="DIR", help="The project's folder in the repository; else where you stand.")
    ] = None,
    install: Annotated[
        str | None, typer.Option(metavar="COMMAND", help="Installs dependencies; else by its files.")
    ] = None,
    build: Annotated[str | None, typer.Option(metavar="COMMAND", help="Builds it; else by its files.")] = None,
    output: Annotated[str | None, typer.Option(metavar="DIR", help="Where the build leaves static files.")] = None,
    start: Annotated[str | None, typer.Option(metavar="COMMAND", help="Starts the server; else by its files.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="What this deployment is about.")] = None,
    commit: Annotated[str | None, typer.Option(metavar="HASH", help="One commit, by its whole hash.")] = None,
    override: Annotated[bool, typer.Option("--override", help="Although frozen; needs --reason.")] = False,
    reason: Reason = None,
    follow: Follow = True,
) -> int:
    """Deploy the committed state of a git repository, and show its log until it is live.

    Connects the repository and creates the project and the environment where there are none; what is built, and how,
    its files tell. Fails with status 1 when
    the deployment fails. Ctrl-C only stops watching: the deployment goes on.
    """
    from services.cli.targeting import Build, Wanted
    from services.cli.triggering import deploy

    wanted = Wanted(
        repository=repo,
        remote=remote,
        kind=kind,
        environment=environment,
        branch=branch,
        name=name,
        root=root,
        note=note,
        commit=commit,
        override=override,
        reason=reason,
        build=Build(install=install, build=build, output=output, start=start),
    )
    return deploy(session, wanted, follow=follow)


@client_command(
    app,
    "detect",
    PANEL,
    [
        ("shipbook detect", "the repository here, at its last commit"),
        ("shipbook detect --repo https://github.com/me/shop --root apps/web --json", "any other, for scripts"),
    ],
)
def detect(
    session: "Session",
    repo: Annotated[
        str | None, typer.Option(metavar="PATH_OR_URL", help="The repository; else the one of this directory.")
    ] = None,
    remote: Annotated[bool, typer.Option("--remote", help="Look at the https URL of its remote 'origin'.")] = False,
    branch: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="Else the one that is checked out, or the default one.")
    ] = None,
    root: Annotated[
        str | None, typer.Option(metavar="DIR", help="The folder in the repository; else where you stand.")
    ] = None,
) -> int:
    """Show what a repository holds, and how it would be built and started.

    Nothing is deployed. A repository that is not connected yet is connected.
    """
    from services.cli.detecting import show

    return show(session, repo, branch, root, remote=remote)


@server_command(
    app,
    "init",
    PANEL,
    [
        ("shipbook init", "writes shipbook.toml here, with what the files show"),
        ("shipbook init --force", "in place of the one that is there"),
    ],
)
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace the one that is there.")] = False,
    as_json: Json = False,
) -> int:
    """Write a shipbook.toml, which says how the repository is built and run.

    Commit it: `shipbook deploy` and every build take it before the project's settings.
    """
    from services.cli.beginning import begin

    return begin(directory, force=force, as_json=as_json)


@client_command(
    app,
    "rollback",
    PANEL,
    [
        ("shipbook rollback -p shop", "to the release before the active one"),
        ("shipbook rollback DEP-0042 --reason 'prices were wrong'", "to the release of that deployment"),
    ],
)
def rollback(
    session: "Session",
    release: Annotated[
        str | None, typer.Argument(metavar="RELEASE", help="Its deployment such as DEP-0042, or its id.")
    ] = None,
    project: Project = None,
    environment: Environment = "production",
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> int:
    """Make an earlier release live again. Nothing is built, and no request is dropped."""
    from services.cli.returning import roll_back

    return roll_back(session, release, project, environment, reason, dry_run=dry_run)


@client_command(app, "cancel", PANEL, [("shipbook cancel DEP-0042 --reason 'wrong branch'", "ends its build at once")])
def cancel(session: "Session", deployment: DeploymentArgument, reason: Reason = None) -> int:
    """Stop a deployment that has not ended. What is live stays live."""
    from services.cli.triggering import cancel

    return cancel(session, deployment, reason)


@client_command(app, "retry", PANEL, [("shipbook retry DEP-0042", "the same commit and configuration again")])
def retry(session: "Session", deployment: DeploymentArgument, follow: Follow = True) -> int:
    """Deploy again what a deployment deployed."""
    from services.cli.triggering import retry

    return retry(session, deployment, follow=follow)
