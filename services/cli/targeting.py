"""What a deployment is of: its repository, project and environment, found or made."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from adapters.detection.tree import BuildRefused
from adapters.http.native.wire.projects import (
    BuildPatch,
    EnvironmentCreation,
    EnvironmentOut,
    ProjectConfig,
    ProjectCreation,
    ProjectDetail,
    ProjectOut,
)
from adapters.http.native.wire.repositories import ConnectionCreation, ConnectionOut
from adapters.http.native.wire.running import RuntimeConfigPatch
from adapters.manifest import Manifest, manifest
from domain.project import ProjectType
from services.cli import detecting, finding
from services.cli.checkout import Checkout, look
from services.cli.session import Session
from services.client import Refused
from services.exits import CommandFailed, WrongUsage

PRODUCTION = "production"
BRANCH = "main"


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """How it is built and started, where that was said."""

    install: str | None = None
    build: str | None = None
    output: str | None = None
    start: str | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What ``shipbook deploy`` was asked for."""

    repository: str | None = None
    remote: bool = False
    kind: str | None = None
    environment: str = PRODUCTION
    branch: str | None = None
    name: str | None = None
    root: str | None = None
    note: str | None = None
    commit: str | None = None
    override: bool = False
    reason: str | None = None
    build: Build = Build()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the commits are: a URL or path that the plane fetches, the checkout it stands for, the project's folder."""

    url: str
    checkout: Checkout | None
    folder: str

    @property
    def name(self) -> str:
        """What a project made of it is called."""
        return Path(self.folder or urlsplit(self.url).path or self.url).name.removesuffix(".git")

    @property
    def branch(self) -> str:
        """The branch that is checked out, or the usual one."""
        return (self.checkout.branch if self.checkout else "") or BRANCH


def source(wanted: Wanted) -> Source | None:
    """The repository that is meant; None where only a project's name says it. Raises WrongUsage."""
    place = Path(wanted.repository or ".").expanduser()
    root = wanted.root.strip("/") if wanted.root is not None else None
    if wanted.repository and not place.exists():
        if "://" not in wanted.repository and not _is_ssh(wanted.repository):
            raise WrongUsage(f"'{wanted.repository}' is no folder here, and no URL such as https://github.com/me/shop.")
        return Source(url=wanted.repository, checkout=None, folder=root or "")
    checkout = look(place)
    if checkout is None:
        if wanted.name and not wanted.repository:
            return None
        raise WrongUsage(f"{place.resolve()} is in no git repository. Go into one, or use --repo PATH_OR_URL.")
    if wanted.remote and not checkout.remote_url:
        raise WrongUsage(
            f"{checkout.root} has no remote 'origin' with an https URL. Leave out --remote, or use --repo."
        )
    url = checkout.remote_url if wanted.remote else str(checkout.root)
    return Source(url=url, checkout=checkout, folder=checkout.folder if root is None else root)


def _is_ssh(repository: str) -> bool:
    """Whether it has ssh's short form ``user@host:path`` (git-clone(1))."""
    host, colon, _ = repository.partition(":")
    return bool(colon) and "@" in host and "/" not in host


def project(session: Session, wanted: Wanted, source: Source | None) -> ProjectDetail:
    """The project that is meant, made where there is none."""
    found = finding.projects(session)
    connections = session.listed(ConnectionOut, "repository-connections")
    connection = next((one for one in connections if source and one.url == source.url), None)
    if wanted.name:
        mine = [one for one in found if wanted.name.casefold() in {one.slug, one.name.casefold(), one.id}]
    else:
        near = [one for one in found if connection and source and _is_made_of(one, connection, source)]
        mine = [one for one in near if source and one.root_directory == source.folder] or near
    if len(mine) > 1:
        raise WrongUsage(
            f"Several projects are made of this: {', '.join(one.slug for one in mine)}. Choose with --name."
        )
    if mine:
        _require_same(mine[0], wanted, source, connections)
        return _configured(session, mine[0], wanted)
    if source is None:
        return finding.project(session, wanted.name)
    return _created(session, wanted, source, connection or _connected(session, source))


def connection(session: Session, source: Source) -> ConnectionOut:
    """The connection to the repository, made where there is none."""
    kept = (one for one in session.each(ConnectionOut, "repository-connections") if one.url == source.url)
    return next(kept, None) or _connected(session, source)


def _is_made_of(project: ProjectOut, connection: ConnectionOut, source: Source) -> bool:
    """Whether it is made of the source's folder, or of one below, as a new project of a monorepo may be."""
    inside = not source.folder or f"{project.root_directory}/".startswith(f"{source.folder}/")
    return project.repository_connection_id == connection.id and inside


def _require_same(project: ProjectOut, wanted: Wanted, source: Source | None, connections: list[ConnectionOut]) -> None:
    """Refuse to deploy something else than what was said."""
    url = next((one.url for one in connections if one.id == project.repository_connection_id), "")
    if wanted.repository and source and source.url != url:
        raise WrongUsage(f"The project {project.slug} is made of {url}, not of {source.url}. Use another --name.")
    if wanted.root is not None and source and source.folder != project.root_directory:
        raise WrongUsage(f"The project {project.slug} is in '{project.root_directory}'. Use another --name.")
    if wanted.kind and wanted.kind != project.type:
        raise WrongUsage(
            f"The project {project.slug} is of type {project.type}. Leave out --type, or use another --name."
        )


def _configured(session: Session, project: ProjectOut, wanted: Wanted) -> ProjectDetail:
    """The project, with what was said about building it."""
    said = wanted.build
    path = session.path("projects", project.id)
    build = BuildPatch(install=said.install or UNSET, build=said.build or UNSET, output=said.output or UNSET)
    if build != BuildPatch():
        session.client.patch(f"{path}/build-config", build, msgspec.Raw)
    if said.start:
        said_now = RuntimeConfigPatch(start_command=said.start, apply=False)
        session.client.patch(f"{path}/runtime-config", said_now, msgspec.Raw)
    return session.client.get(path, ProjectDetail)


def _connected(session: Session, source: Source) -> ConnectionOut:
    """A new connection; where another repository has its name, with a name that tells them apart."""
    path = session.path("repository-connections")
    try:
        return session.client.post(path, ConnectionCreation(url=source.url), ConnectionOut)
    except Refused as refused:
        if refused.code != "name_taken":
            raise _hinted(refused, source) from refused
        name = f"{source.name}-{sha256(source.url.encode()).hexdigest()[:6]}"
        return session.client.post(path, ConnectionCreation(url=source.url, name=name), ConnectionOut)
    except CommandFailed as refused:
        raise _hinted(refused, source) from refused


def _hinted(refused: CommandFailed, source: Source) -> CommandFailed:
    checkout = source.checkout
    if checkout is None or not checkout.remote_url or source.url == checkout.remote_url:
        return refused
    return type(refused)(f"{refused} Or build from {checkout.remote_url} with --remote.")


def _created(session: Session, wanted: Wanted, source: Source, connection: ConnectionOut) -> ProjectDetail:
    branch = wanted.branch if wanted.branch and wanted.environment == PRODUCTION else source.branch
    _require_commit(source, wanted.branch or branch)
    said = _declared(source)
    kind = wanted.kind or said.type or None
    found = None if kind else detecting.chosen(session, connection.id, wanted.branch or branch, source)
    creation = ProjectCreation(
        name=wanted.name or said.name or source.name,
        type=found.type if found and found.type else ProjectType(kind or ProjectType.STATIC),
        runs_server=found.runs_server if found else None,
        repository_connection_id=connection.id,
        root_directory=found.root_directory if found else source.folder,
        production_branch=branch,
        config=ProjectConfig(**{name: value for name, value in msgspec.structs.asdict(wanted.build).items() if value}),
    )
    made = session.client.post(session.path("projects"), creation, ProjectDetail)
    session.console.note(f"Made the {made.type} project {made.slug} of {source.url}.", "dim")
    return made


def _declared(source: Source) -> Manifest:
    """What the folder's own ``shipbook.toml`` says, as it lies here. Raises WrongUsage."""
    try:
        return (manifest(source.checkout.root, source.folder) if source.checkout else None) or Manifest()
    except BuildRefused as refused:
        raise WrongUsage(str(refused)) from refused


def _require_commit(source: Source, branch: str) -> None:
    if source.checkout and not source.checkout.has_commit(branch):
        raise WrongUsage(f"{source.checkout.root} has no commit on {branch}. Commit, or use --branch.")


def environment(session: Session, wanted: Wanted, source: Source | None, project: ProjectDetail) -> EnvironmentOut:
    """The environment that is meant, made where there is none."""
    for place in project.environments:
        if wanted.environment.casefold() in {place.name, place.id}:
            return place
    branch = wanted.branch or (source.branch if source else project.production_branch)
    creation = EnvironmentCreation(name=wanted.environment, branch=branch)
    made = session.client.post(session.path("projects", project.id, "environments"), creation, EnvironmentOut)
    session.console.note(f"Made the environment {made.name} of {project.slug}; it follows {made.branch}.", "dim")
    return made


def warn(session: Session, wanted: Wanted, source: Source | None, place: EnvironmentOut) -> None:
    """Say what a deployment will not hold although it lies before our eyes."""
    checkout = source.checkout if source else None
    if checkout is None:
        return
    if checkout.changed:
        files = "1 file here is" if checkout.changed == 1 else f"{checkout.changed} files here are"
        session.console.note(f"{files} not committed: a deployment is made of commits.", "yellow")
    if wanted.branch is None and checkout.branch and checkout.branch != place.branch:
        session.console.note(
            f"{place.name} follows {place.branch}, and you are on {checkout.branch}: "
            f"--branch {checkout.branch} would deploy that.",
            "yellow",
        )
