"""Reading a repository where it lies: fetched into a directory that is gone afterwards."""

import asyncio
from pathlib import Path

from adapters import git
from adapters.detection.detecting import detect
from adapters.detection.suggestion import Suggestion
from adapters.detection.tree import Tree
from adapters.git import FetchLimits, Source
from adapters.repository_url import FetchPolicy
from adapters.workplaces import workplace

LIMITS = FetchLimits(seconds=40, bytes=512 << 20)
"""Somebody waits for the answer, and all but the files that decide is thrown away."""


class FolderMissing(Exception):
    """The repository has no such folder; the message says which there are."""


async def read(
    source: Source, folder: str, place: Path, policy: FetchPolicy, known_hosts: Path, limits: FetchLimits = LIMITS
) -> tuple[Suggestion, str]:
    """What a folder of the repository is, and the commit that was looked at.

    ``place`` is where checkouts lie for as long as they are read.

    Raises:
        RepositoryRefused: The repository or its branch cannot be fetched.
        FolderMissing: It has no such folder.
        BuildRefused: A file that decides cannot be read.
    """
    async with workplace(place) as work:
        checkout = work / "checkout"
        fetched = await git.fetch(source, checkout, limits, policy, known_hosts=known_hosts)
        return await asyncio.to_thread(_read, checkout, folder), fetched.commit


def _read(checkout: Path, folder: str) -> Suggestion:
    tree = Tree.of(checkout)
    if folder and not tree.below(folder).paths:
        found = tree.folders()
        there = f"it has {', '.join(found[:12])}" if found else "it has no folders"
        raise FolderMissing(f"There is no folder '{folder}' with files in the repository; {there}.")
    return detect(tree, folder)
