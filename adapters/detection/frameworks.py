"""Which framework a folder uses, by the kept rules of ``frameworks.json`` and a few of our own."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

from adapters.detection.packages import PACKAGE, Package
from adapters.detection.suggestion import Evidence
from adapters.detection.tree import Tree

RULES = Path(__file__).with_name("frameworks.json")
LONGEST = 1 << 16
"""So much of a file is looked at for a pattern."""


class Sign(msgspec.Struct, frozen=True):
    """A package that is depended on; or a file of these names, which may have to hold a pattern."""

    package: str | None = None
    paths: tuple[str, ...] = ()
    content: str | None = None

    def seen(self, tree: Tree, about: Package) -> Evidence | None:
        """Where it is seen."""
        if self.package:
            return Evidence(PACKAGE, f"depends on {self.package}") if self.package in about.dependencies else None
        for path in self.paths:
            if path in tree.paths and (self.content is None or self._holds(tree.text(path) or "")):
                return Evidence(path, "is there" if self.content is None else "uses it")
        return None

    def _holds(self, text: str) -> bool:
        return re.search(self.content or "", text[:LONGEST]) is not None


class Framework(msgspec.Struct, frozen=True):
    """A framework: the signs that all must be seen, those of which one must, and what it makes."""

    slug: str
    name: str
    every: tuple[Sign, ...] = ()
    some: tuple[Sign, ...] = ()
    supersedes: tuple[str, ...] = ()
    build: str | None = None
    output: str | None = None

    def seen(self, tree: Tree, about: Package) -> list[Evidence]:
        """By what it is recognised; empty when it is not."""
        every = [sign.seen(tree, about) for sign in self.every]
        some = next((found for sign in self.some if (found := sign.seen(tree, about))), None)
        if None in every or (self.some and some is None):
            return []
        return [found for found in (*every, some) if found]


class _Rules(msgspec.Struct):
    frameworks: tuple[Framework, ...]


OURS = (
    Framework(
        "hugo",
        "Hugo",
        some=(Sign("hugo-bin"), Sign("hugo-extended"), Sign("hugo-installer")),
        build="hugo --gc",
        output="public",
    ),
    Framework("metalsmith", "Metalsmith", every=(Sign("metalsmith"),), output="build"),
    Framework("assemble", "Assemble", every=(Sign("assemble"),), output="dist"),
    Framework("harp", "Harp", every=(Sign("harp"),), build="harp compile . dist", output="dist"),
    Framework("hapi", "hapi", every=(Sign("@hapi/hapi"),)),
    Framework(
        "tanstack-start",
        "TanStack Start",
        some=(Sign("@tanstack/react-start"), Sign("@tanstack/solid-start")),
        supersedes=("nitro", "vite"),
        build="vite build",
    ),
    Framework(
        "qwik",
        "Qwik City",
        some=(Sign("@builder.io/qwik-city"), Sign("@qwik.dev/router")),
        supersedes=("vite",),
        build="qwik build",
    ),
    Framework("waku", "Waku", every=(Sign("waku"),), supersedes=("vite", "hono"), build="waku build"),
    Framework("slidev", "Slidev", every=(Sign("@slidev/cli"),), build="slidev build", output="dist"),
    Framework("expo", "Expo", every=(Sign("expo"),), build="expo export --platform web", output="dist"),
)
"""What the kept rules lack."""


@cache
def known() -> Sequence[Framework]:
    """Every framework, those that decide first in front."""
    return (*msgspec.json.decode(RULES.read_bytes(), type=_Rules).frameworks, *OURS)


ELSEWHERE = {
    *("python", "fastapi", "flask", "fasthtml", "django", "ruby", "rust", "axum", "actix-web", "go", "bun"),
    *("jekyll", "middleman", "zola"),
}
"""What is no package of npm."""


def recognised(tree: Tree, about: Package) -> tuple[Framework, list[Evidence]] | None:
    """The framework of a folder; of several the first that no other one stands above.

    With a package.json it is one of npm's; without one ``about`` is empty.
    """
    apart = ELSEWHERE if about.about else set()
    found = [(each, seen) for each in known() if each.slug not in apart and (seen := each.seen(tree, about))]
    superseded = {slug for each, _ in found for slug in each.supersedes}
    return next(((each, evidence) for each, evidence in found if each.slug not in superseded), None)
