"""Workspaces of npm, pnpm and yarn: which folders belong together, and where they are installed."""

import re
from collections.abc import Iterator

from adapters.detection.packages import PACKAGE, Package, package
from adapters.detection.tree import Tree, joined

PNPM = "pnpm-workspace.yaml"
LONGEST = 200


def home(tree: Tree, folder: str, locks: tuple[str, ...]) -> str:
    """Where a folder's dependencies are installed: there, or in the folder above whose workspace it is in."""
    place = folder
    while True:
        if (place == folder and tree.has(*(joined(place, lock) for lock in locks))) or _patterns(tree, place):
            return place
        if not place:
            return folder
        place = place.rpartition("/")[0]


def members(tree: Tree) -> list[str]:
    """The folders of the workspace at the top, where there is one."""
    found: dict[str, None] = {}
    for pattern in _patterns(tree, ""):
        if pattern.startswith("!"):
            for path in tree.matching(f"{_plain(pattern[1:])}/{PACKAGE}"):
                found.pop(path.rpartition("/")[0], None)
        else:
            found |= dict.fromkeys(path.rpartition("/")[0] for path in tree.matching(f"{_plain(pattern)}/{PACKAGE}"))
    return [folder for folder in found if folder]


def _patterns(tree: Tree, folder: str) -> list[str]:
    """Which folders a workspace has; empty where there is no workspace."""
    listed = _of_pnpm(tree.text(joined(folder, PNPM)) or "")
    about = package(tree, folder) or Package()
    return [pattern for pattern in (*listed, *_of_npm(about.about.get("workspaces"))) if len(pattern) <= LONGEST]


def _of_npm(workspaces: object) -> Iterator[str]:
    found = workspaces.get("packages") if isinstance(workspaces, dict) else workspaces
    yield from (pattern for pattern in found if isinstance(pattern, str)) if isinstance(found, list) else ()


def _of_pnpm(text: str) -> list[str]:
    """The list ``packages`` of a pnpm-workspace.yaml."""
    _, found, rest = text.partition("packages:")
    block = re.split(r"^\S", rest, maxsplit=1, flags=re.MULTILINE)[0] if found else ""
    items = (line.strip() for line in block.splitlines())
    return [item[1:].partition(" #")[0].strip().strip("'\"") for item in items if item.startswith("-")]


def _plain(pattern: str) -> str:
    return pattern.removeprefix("./").rstrip("/")
