"""What a repository holds, as the plane sees it."""

from adapters.http.native.wire.detection import Detection, DetectionRequest
from domain.identifiers import ConnectionId
from services.cli import targeting
from services.cli.session import Session
from services.exits import Exit, WrongUsage

TYPES = "--type static, react, node or python"
DOUBTFUL = 0.5


def detected(session: Session, connection_id: ConnectionId, branch: str | None, folder: str) -> Detection:
    """What the plane finds in a folder of a connected repository. Raises Refused."""
    request = DetectionRequest(repository_connection_id=connection_id, branch=branch, root_directory=folder)
    return session.client.post(session.path("projects", "detect"), request, Detection)


def chosen(session: Session, connection_id: ConnectionId, branch: str, source: "targeting.Source") -> Detection:
    """What a new project is made of, and what was seen of it is said. Raises WrongUsage where the files do not tell."""
    found = detected(session, connection_id, branch, source.folder)
    place = f"'{source.folder}' of {source.url}" if source.folder else source.url
    if found.type is None:
        raise WrongUsage(
            f"The files committed in {place} on {branch} do not show what it is. Say it: {TYPES}; or another --root."
        )
    if found.candidates:
        folders = ", ".join([found.root_directory, *(one.root_directory for one in found.candidates)])
        raise WrongUsage(f"{place} holds several applications: {folders}. Choose with --root.")
    session.console.note(f"Found {summary(found)}.", "yellow" if found.confidence < DOUBTFUL else "dim")
    return found


def summary(found: Detection) -> str:
    """One line about what was found."""
    what = f"{found.framework or 'no framework that is known'}, so the type is {found.type}"
    where = f" in {found.root_directory}" if found.root_directory else ""
    why = f" ({found.evidence[0].file} {found.evidence[0].reason})" if found.evidence else ""
    how = [f"build: {found.build}" if found.build else "", f"pages: {found.output}" if found.output else ""]
    how += [f"start: {found.start}" if found.start else ""]
    doubt = " Not sure" if found.confidence < DOUBTFUL else ""
    return "; ".join([f"{what}{where}{why}", *filter(None, how)]) + (f";{doubt}" if doubt else "")


def show(session: Session, repository: str | None, branch: str | None, root: str | None, *, remote: bool) -> int:
    """Show what a repository holds; nothing is made of it but the connection."""
    wanted = targeting.Wanted(repository=repository, root=root, remote=remote)
    source = targeting.source(wanted)
    if source is None:
        raise WrongUsage("Go into a repository, or use --repo PATH_OR_URL.")
    connection = targeting.connection(session, source)
    found = detected(session, connection.id, branch or (source.branch if source.checkout else None), source.folder)
    session.console.document(found)
    session.console.table(("WHAT", "IS"), _rows(found), empty="")
    session.console.say()
    session.console.table(
        ("FILE", "REASON"),
        [(one.file, one.reason) for one in found.evidence],
        empty=f"Nothing shows what it is. shipbook deploy takes {TYPES}.",
    )
    return Exit.OK


def _rows(found: Detection) -> list[tuple[str, str]]:
    facts = {
        "type": found.type,
        "framework": found.framework,
        "folder": found.root_directory,
        "runs a server": "yes" if found.runs_server else "no",
        "install": found.install,
        "build": found.build,
        "start": found.start,
        "pages in": found.output or ("the folder itself" if found.output == "" else None),
        "package manager": found.package_manager,
        "Node.js": found.node_version,
        "also there": ", ".join(one.root_directory for one in found.candidates),
        "confidence": f"{found.confidence:.0%}",
        "commit": found.commit[:12],
    }
    return [(name, value) for name, value in facts.items() if value]
