"""How a repository with a package.json is installed, built and started."""

import re
from pathlib import Path
from typing import Any

import msgspec

from adapters.runtime.steps import BuildRefused, Command, Steps, content
from adapters.runtime.toolchains import Needs
from domain.project import BuildConfig, ProjectType

LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
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
SERVERS = ("server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs")


def plan(kind: ProjectType, config: BuildConfig, checkout: Path, directory: str) -> Steps:
    """The steps for the project in ``directory`` of the checkout.

    Raises:
        BuildRefused: It has no package.json, or nothing that says how to build its pages.
    """
    root = checkout / directory
    about = package(root)
    if about is None and not (config.build_command or config.install_command):
        raise BuildRefused(f"There is no package.json in {directory or 'the root of the repository'}.")
    home = _home(checkout, directory)
    lock = next((name for name in LOCKS if (checkout / home / name).is_file()), None)
    manager, version, evidence = _manager(config, checkout / home, lock)
    node, node_evidence = _node(config, root, about or {})
    reasons = [f"Node.js {node or 'of the usual version'} ({node_evidence})", f"{manager} ({evidence})"]
    needs = Needs(node=node, manager=manager, manager_version=version)
    build = config.build_command or _build(kind, about or {}, manager)
    return Steps(
        install=_install(
            config, about, home, directory, _dialect(checkout / home, manager, version), locked=bool(lock)
        ),
        build=Command(script=build, directory=directory) if build else None,
        programs=tuple(f"{place}/node_modules/.bin".lstrip("/") for place in dict.fromkeys((directory, home))),
        needs=needs,
        reasons=tuple(reasons),
    )


def start(root: Path, needs: Needs) -> str:
    """The command that starts the server: the script ``start``, the main file, or a file by its usual name.

    The script is run by itself where it can be, without the package manager, which would cost memory and time in
    every instance and stand between the application and its signals.

    Raises:
        BuildRefused: There is none of these.
    """
    about = package(root) or {}
    scripts = _scripts(about)
    if "start" in scripts:
        around = {"prestart", "poststart"} & scripts.keys()
        return f"{needs.manager or 'npm'} run start" if around else scripts["start"]
    main = about.get("main")
    for name in ([main] if isinstance(main, str) else []) + list(SERVERS):
        if (root / name).is_file():
            return f"node {_quoted(name)}"
    raise BuildRefused(
        "Nothing says how to start the server: package.json has no script 'start' and no 'main' that exists. "
        "Add one, or set startCommand in the runtime configuration."
    )


def package(root: Path) -> dict[str, Any] | None:
    """The package.json of a directory; None when it has none.

    Raises:
        BuildRefused: It is not valid JSON.
    """
    text = content(root, "package.json")
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as problem:
        raise BuildRefused(f"package.json is not valid JSON: {problem}.") from None
    if not isinstance(found, dict):
        raise BuildRefused("package.json does not hold an object.")
    return found


def _home(checkout: Path, directory: str) -> str:
    """Where dependencies are installed: the project's own directory, or the repository when that is a workspace."""
    if not directory or any((checkout / directory / name).is_file() for name in LOCKS):
        return directory
    whole = package(checkout) or {}
    return "" if "workspaces" in whole or (checkout / "pnpm-workspace.yaml").is_file() else directory


def _manager(config: BuildConfig, home: Path, lock: str | None) -> tuple[str, str, str]:
    """Name, version and evidence."""
    declared = (package(home) or {}).get("packageManager", "")
    for asked, evidence in ((config.package_manager, "packageManager of the project"), (declared, "package.json")):
        if isinstance(asked, str) and asked:
            name, _, version = asked.partition("@")
            if name not in LOCKS.values():
                raise BuildRefused(f"{name!r} is not a package manager that is known here: npm, pnpm or yarn.")
            return name, version.partition("+")[0] or _version_of_lock(home, lock), evidence
    if lock:
        return LOCKS[lock], _version_of_lock(home, lock), lock
    return "npm", "", "no lock file"


def _version_of_lock(home: Path, lock: str | None) -> str:
    text = content(home, lock) or "" if lock else ""
    if lock == "pnpm-lock.yaml":
        found = re.search(r"lockfileVersion:\s*'?(\d+)", text)
        return PNPM_OF_LOCK.get(found[1], "") if found else ""
    if lock == "yarn.lock":
        return "4" if "__metadata:" in text else "1"
    return ""


def _dialect(home: Path, manager: str, version: str) -> str:
    berry = manager == "yarn" and ((home / ".yarnrc.yml").is_file() or version[:1] in tuple("23456789"))
    return "berry" if berry else manager


def _node(config: BuildConfig, root: Path, about: dict[str, Any]) -> tuple[str, str]:
    if config.node_version:
        return config.node_version, "nodeVersion of the project"
    for name in (".nvmrc", ".node-version"):
        if text := (content(root, name) or "").strip():
            return text.splitlines()[0].strip(), name
    engines = about.get("engines")
    asked = engines.get("node") if isinstance(engines, dict) else None
    return (asked, "engines in package.json") if isinstance(asked, str) else ("", "nothing asks for another")


def _install(
    config: BuildConfig, about: dict[str, Any] | None, home: str, directory: str, dialect: str, *, locked: bool
) -> Command | None:
    if config.install_command:
        return Command(script=config.install_command, directory=directory)
    return Command(script=INSTALL[dialect, locked], directory=home) if about is not None else None


def _build(kind: ProjectType, about: dict[str, Any], manager: str) -> str | None:
    if "build" in _scripts(about):
        return f"{manager} run build"
    if kind is ProjectType.REACT:
        raise BuildRefused(
            "package.json has no script 'build'. Add one, or set buildCommand in the build configuration."
        )
    return None


def _scripts(about: dict[str, Any]) -> dict[str, str]:
    scripts = about.get("scripts")
    return {key: text for key, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "'\\''") + "'"
