"""What a repository holds, by its own files."""

from typing import Annotated

from adapters.http.native.wire.shapes import Branch, In, Out, Root, said
from domain.identifiers import ConnectionId
from domain.project import ProjectType


class DetectionRequest(In):
    """Which folder of a connected repository to look at."""

    repository_connection_id: ConnectionId
    branch: Branch | None = None
    root_directory: Root = ""


class EvidenceOut(Out):
    """Why something was concluded."""

    file: Annotated[str, said("A file of the repository; empty for the folder itself.", "package.json")]
    reason: Annotated[str, said("What in it says so.", "depends on vite")]


class CandidateOut(Out):
    """Another folder of the repository that holds an application."""

    root_directory: str
    type: ProjectType
    framework: str | None


class Detection(Out):
    """A suggestion for a project: ``type``, ``runsServer`` and the commands can be sent as they are to make one."""

    type: Annotated[ProjectType | None, said("What the folder holds; null where nothing shows it.")]
    runs_server: bool
    install: str | None
    install_command: str | None
    build: str | None
    build_command: str | None
    start: str | None
    start_command: str | None
    output: str | None
    output_directory: Annotated[str | None, said("Where the pages are; null for a server.", "dist")]
    root_directory: Annotated[str, said("The folder that this is about: in a monorepo perhaps one below.")]
    framework: Annotated[str | None, said("A framework's short name.", "vite")]
    package_manager: Annotated[str | None, said("npm, pnpm or yarn.", "npm")]
    node_version: Annotated[str | None, said("What the repository asks for; null: the usual one.", ">=20")]
    evidence: list[EvidenceOut]
    confidence: Annotated[float, said("From 0, a guess, to 1.")]
    candidates: Annotated[list[CandidateOut], said("Further folders that may be meant as well.")]
    commit: Annotated[str, said("The commit that was looked at.")]
