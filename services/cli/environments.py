"""The commands about projects and their environments."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import Project, Reason

if TYPE_CHECKING:
    from services.cli.session import Session

environments = new_app("Places where exactly one release of a project is live.")
app.add_typer(environments, name="environments", rich_help_panel="Deploy")
projects = new_app("Projects: archived, restored, deleted.")
app.add_typer(projects, name="projects", rich_help_panel="Deploy")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The environment: name or id.")]
ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="The project: name, slug or id.")]
Label = Annotated[str | None, typer.Option(metavar="LABEL", help="The label of its host name.")]
Branch = Annotated[str | None, typer.Option(metavar="BRANCH", help="The branch that it follows.")]
AutoDeploy = Annotated[bool | None, typer.Option("--auto-deploy/--no-auto-deploy", help="Deploy each push.")]
Superseding = Annotated[
    bool | None, typer.Option("--superseding/--no-superseding", help="A later deployment replaces those that wait.")
]
Protected = Annotated[
    bool | None, typer.Option("--protected/--unprotected", help="Deployments wait for an administrator.")
]
ByAnother = Annotated[
    bool | None, typer.Option("--by-another/--by-anyone", help="Who asked for a deployment may not approve it.")
]
Confirm = Annotated[str, typer.Option(metavar="NAME", help="Its name once more, to show that you mean it.")]


@client_command(environments, "list", None, [("shipbook environments list -p shop", "and the rules of each")])
def environments_list(session: "Session", project: Project = None) -> int:
    """List a project's environments."""
    from services.cli.placing import listing

    return listing(session, project)


@client_command(
    environments,
    "add",
    None,
    [("shipbook environments add staging --branch next -p shop", "answers at http://shop-staging.…")],
)
def environments_add(
    session: "Session",
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and '-'.")],
    branch: Annotated[str, typer.Option(metavar="BRANCH", help="The branch that it follows.")] = "main",
    label: Label = None,
    protected: Protected = None,
    project: Project = None,
) -> int:
    """Add an environment to a project."""
    from services.cli.placing import add

    return add(session, project, name, branch, label, protected=bool(protected))


@client_command(
    environments,
    "change",
    None,
    [
        ("shipbook environments change production --protected --by-another", "two people for each deployment"),
        ("shipbook environments change staging --branch next", "what is deployed from here on"),
    ],
)
def environments_change(
    session: "Session",
    name: Name,
    project: Project = None,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Another name.")] = None,
    label: Label = None,
    branch: Branch = None,
    auto_deploy: AutoDeploy = None,
    superseding: Superseding = None,
    protected: Protected = None,
    by_another: ByAnother = None,
) -> int:
    """Change an environment; what is not named stays."""
    from services.cli.placing import change

    named = {
        "name": rename,
        "label": label,
        "branch": branch,
        "auto_deploy": auto_deploy,
        "superseding": superseding,
        "protected": protected,
        "approval_by_another": by_another,
    }
    return change(session, project, name, named)


@client_command(
    environments, "delete", None, [("shipbook environments delete staging --confirm staging", "nothing answers there")]
)
def environments_delete(
    session: "Session", name: Name, confirm: Confirm, project: Project = None, reason: Reason = None
) -> int:
    """Delete an environment. Its history stays; its secrets, domains and schedules go."""
    from services.cli.placing import delete

    return delete(session, project, name, confirm, reason)


@client_command(projects, "archive", None, [("shipbook projects archive shop", "it takes no more deployments")])
def projects_archive(session: "Session", project: ProjectName) -> int:
    """Let a project take no more deployments. What is live stays live."""
    from services.cli.placing import archive

    return archive(session, project, archived=True)


@client_command(projects, "restore", None, [("shipbook projects restore shop", "it takes deployments again")])
def projects_restore(session: "Session", project: ProjectName) -> int:
    """Let an archived project take deployments again."""
    from services.cli.placing import archive

    return archive(session, project, archived=False)


@client_command(projects, "delete", None, [("shipbook projects delete shop --confirm shop", "after its environments")])
def projects_delete(session: "Session", project: ProjectName, confirm: Confirm, reason: Reason = None) -> int:
    """Delete a project that has no environment any more. Its history stays."""
    from services.cli.placing import delete_project

    return delete_project(session, project, confirm, reason)
