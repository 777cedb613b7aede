"""Looking at a repository before there is a project of it."""

import asyncio

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.detection.reading import FolderMissing, read
from adapters.detection.tree import BuildRefused
from adapters.git import Source
from adapters.http.dispatch import Call
from adapters.http.errors import Refusal
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.routes.projects import PROJECTS
from adapters.http.native.wire.detection import Detection, DetectionRequest
from adapters.repository_url import RepositoryRefused
from adapters.sources import connected, decoded, policy
from commands import checks
from commands.checks import check, invalid
from domain.access import Access

BUSY_SECONDS = 10.0
"""How long a request waits for its turn."""


@post(PROJECTS + "/detect", status_code=200, opt={NEEDS: Access.DEVELOP})
async def detect_project(data: JSONBody[DetectionRequest], call: NamedDependency[Call]) -> Detection:
    """Look at a connected repository, and suggest how to make a project of it.

    Nothing is kept. The branch is fetched at its last commit; without one, the default branch.
    """
    check(
        [
            ("branch", checks.branch(data.branch) if data.branch is not None else None),
            ("rootDirectory", checks.relative(data.root_directory)),
        ]
    )
    parts = call.parts
    url, credential = await connected(parts.handler, parts.vault, call.tenant, data.repository_connection_id)
    source = Source(url=url, branch=data.branch, credential=decoded(credential) if credential else None)
    folder = "/".join(part for part in data.root_directory.split("/") if part not in {"", "."})
    settings = parts.settings
    await _turn(parts.readings)
    try:
        found, commit = await read(
            source, folder, settings.builds_dir, policy(settings), settings.data_dir / "known_hosts"
        )
    except RepositoryRefused as refused:
        raise invalid("repositoryConnectionId", str(refused)) from refused
    except (FolderMissing, BuildRefused) as refused:
        raise invalid("rootDirectory", str(refused)) from refused
    finally:
        parts.readings.release()
    return words.detection.detection(found, commit)


async def _turn(readings: asyncio.Semaphore) -> None:
    """Wait for a turn; the caller gives it back. Raises ``Refusal`` (503) where it takes too long."""
    try:
        async with asyncio.timeout(BUSY_SECONDS):
            await readings.acquire()
    except TimeoutError:
        message = "Several repositories are being looked at. Try again in a moment."
        raise Refusal(503, "busy", message, retry_after=5) from None


ROUTES = [detect_project]
