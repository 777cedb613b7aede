"""A package.json, read with nothing taken for granted."""

from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.detection.tree import BuildRefused, Tree, joined

PACKAGE = "package.json"
LONGEST = 4000
"""So long a script may be, as in a project's own configuration."""


class Package(msgspec.Struct, frozen=True):
    """What a package.json says."""

    about: Mapping[str, Any] = {}

    def table(self, key: str) -> dict[str, str]:
        """The texts of one of its objects, by name; but for those that are too long to be looked at."""
        found = self.about.get(key)
        texts = found.items() if isinstance(found, dict) else ()
        return {name: text for name, text in texts if isinstance(text, str) and len(text) <= LONGEST}

    @property
    def dependencies(self) -> dict[str, str]:
        """What it depends on, to build and to run."""
        return self.table("devDependencies") | self.table("dependencies")

    @property
    def scripts(self) -> dict[str, str]:
        """Its scripts by name."""
        return self.table("scripts")

    def said(self, *keys: str) -> str | None:
        """A text somewhere inside, by the keys that lead to it."""
        found: object = self.about
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found.strip() or None if isinstance(found, str) else None


def package(tree: Tree, folder: str = "") -> Package | None:
    """The package.json of a folder; None when it has none.

    Raises:
        BuildRefused: It is not valid JSON.
    """
    path = joined(folder, PACKAGE)
    text = tree.text(path)
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text.removeprefix("\ufeff"))
    except (msgspec.DecodeError, RecursionError) as problem:
        raise BuildRefused(f"{path} is not valid JSON: {problem}.") from None
    if not isinstance(found, dict):
        raise BuildRefused(f"{path} does not hold an object.")
    return Package(found)
