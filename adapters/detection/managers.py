"""Which package manager and which Node.js a repository asks for, and how its packages are installed."""

import re
from collections.abc import Iterator

import msgspec

from adapters.detection.packages import PACKAGE, Package, package
from adapters.detection.suggestion import Evidence
from adapters.detection.tree import BuildRefused, Tree, joined

LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
KNOWN = ("npm", "pnpm", "yarn")
PNPM = 'pnpm install --store-dir "$XDG_CACHE_HOME/pnpm"'
INSTALL = {
    ("npm", True): "npm ci",
    ("npm", False): "npm install",
    ("pnpm", True): f"{PNPM} --frozen-lockfile",
    ("pnpm", False): f"{PNPM} --no-frozen-lockfile",
    ("yarn", True): "yarn install --frozen-lockfile --non-interactive",
    ("yarn", False): "yarn install --non-interactive",
    ("berry", True): "yarn install --immutable",
    ("berry", False): "yarn install --no-immutable",
}
PNPM_OF_LOCK = {"5": "7", "6": "8", "7": "9", "9": "9"}
"""The pnpm that writes each version of the lock file."""
BUN = ("bun.lock", "bun.lockb")
NODE_FILES = (".nvmrc", ".node-version")
ENGINES = (("volta", "node"), ("devEngines", "runtime", "version"), ("engines", "node"))
"""Where a package.json asks for a Node.js, the exact wish before the range."""


class Installer(msgspec.Struct, frozen=True, kw_only=True):
    """A package manager, and why it is this one."""

    name: str
    version: str = ""
    """Whole or in part; empty: the usual one."""
    digest: str = ""
    """Of what is fetched, as package.json pins it: ``sha512.`` and hexadecimal digits."""
    locked: bool = False
    berry: bool = False
    """yarn from version 2 on."""
    evidence: Evidence

    @property
    def install(self) -> str:
        """The command that installs what the project depends on."""
        return INSTALL["berry" if self.berry else self.name, self.locked]


def manager(tree: Tree, home: str, asked: str | None = None) -> Installer:
    """The package manager of the packages in ``home``; ``asked``: the one that the project's configuration names.

    Raises:
        BuildRefused: The configuration names one that is not known.
    """
    lock = next((name for name in LOCKS if tree.has(joined(home, name))), None)
    about = package(tree, home) or Package()
    if asked:
        if asked.partition("@")[0] not in KNOWN:
            raise BuildRefused(f"{asked!r} is not a package manager that is known here: npm, pnpm or yarn.")
        return _named(tree, home, lock, asked, Evidence("", "packageManager of the project"))
    declared = about.said("packageManager") or "@".join(filter(None, _wanted(about)))
    if declared.partition("@")[0] in KNOWN:
        reason = f"asks for {declared.partition('+')[0]}"
        return _named(tree, home, lock, declared, Evidence(joined(home, PACKAGE), reason))
    if lock:
        return _named(tree, home, lock, LOCKS[lock], Evidence(joined(home, lock), f"is {LOCKS[lock]}'s lock file"))
    bun = tree.has(*(joined(home, name) for name in BUN))
    if bun or declared:
        reason = f"asks for {declared.partition('@')[0] or 'bun'}, which is not known here: npm installs instead"
        return _named(tree, home, None, "npm", Evidence(bun or joined(home, PACKAGE), reason))
    return _named(tree, home, None, "npm", Evidence(joined(home, PACKAGE), "comes without a lock file, so npm"))


def node(tree: Tree, folder: str, home: str) -> tuple[str, Evidence] | None:
    """The Node.js that is asked for in the folder, where it is installed, or at the top; None where nothing is."""
    return next(_node_requests(tree, list(dict.fromkeys((folder, home, "")))), None)


def _node_requests(tree: Tree, places: list[str]) -> Iterator[tuple[str, Evidence]]:
    for place in places:
        for name in NODE_FILES:
            path = joined(place, name)
            lines = (tree.text(path) or "").split("#")[0].split()
            if lines:
                yield lines[0], Evidence(path, f"asks for Node.js {lines[0]}")
        found = re.search(
            r"^(?:nodejs|node)[ \t]+(\S+)", tree.text(joined(place, ".tool-versions")) or "", re.MULTILINE
        )
        if found:
            yield found[1], Evidence(joined(place, ".tool-versions"), f"asks for Node.js {found[1]}")
        about = package(tree, place) or Package()
        for keys in ENGINES:
            if request := about.said(*keys):
                yield request, Evidence(joined(place, PACKAGE), f"asks for Node.js {request} ({'.'.join(keys)})")


def _wanted(about: Package) -> tuple[str | None, str | None]:
    """npm's newer way to ask for a package manager, where it is a whole version."""
    version = about.said("devEngines", "packageManager", "version") or ""
    return about.said("devEngines", "packageManager", "name"), version if re.fullmatch(r"[\d.]+", version) else None


def _named(tree: Tree, home: str, lock: str | None, asked: str, evidence: Evidence) -> Installer:
    name, _, rest = asked.partition("@")
    version, _, digest = rest.partition("+")
    version = version or _version_of_lock(tree, home, lock)
    berry = name == "yarn" and (tree.has(joined(home, ".yarnrc.yml")) is not None or version[:1] in tuple("23456789"))
    return Installer(name=name, version=version, digest=digest, locked=lock is not None, berry=berry, evidence=evidence)


def _version_of_lock(tree: Tree, home: str, lock: str | None) -> str:
    text = tree.text(joined(home, lock)) or "" if lock else ""
    if lock == "pnpm-lock.yaml":
        found = re.search(r"lockfileVersion:\s*'?(\d+)", text)
        return PNPM_OF_LOCK.get(found[1], "") if found else ""
    if lock == "yarn.lock":
        return "4" if "__metadata:" in text else "1"
    return ""
