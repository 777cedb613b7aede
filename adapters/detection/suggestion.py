"""What detection answers."""

from typing import NamedTuple

import msgspec

from domain.project import ProjectType


class Evidence(NamedTuple):
    """Why something was concluded: a file of the repository, and what in it says so."""

    file: str
    reason: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Another folder of the repository that holds an application."""

    root_directory: str
    type: ProjectType
    framework: str | None


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder of a repository holds and how it is made and served; commands are for ``sh -c`` in that folder."""

    type: ProjectType | None = None
    """``react``: pages of one address, whose other paths the browser resolves; ``static``: other pages, built or not.
    None: nothing shows what it is."""
    runs_server: bool = False
    install_command: str | None = None
    build_command: str | None = None
    start_command: str | None = None
    output_directory: str | None = None
    """Where the pages are, below the folder; empty for the folder itself; None for a server."""
    framework: str | None = None
    package_manager: str | None = None
    node_version: str | None = None
    """What the repository asks for; None: whatever is usual."""
    evidence: tuple[Evidence, ...] = ()
    confidence: float = 0.0
    """From 0, a guess, to 1."""
    root_directory: str = ""
    """The folder that this is about."""
    candidates: tuple[Candidate, ...] = ()
    """Further folders that may be meant as well."""
