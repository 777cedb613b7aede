"""The steps of a repository with a package.json; what it needs is known to ``adapters.detection``."""

from pathlib import Path

from adapters.detection import node
from adapters.detection.node import Node
from adapters.detection.packages import Package, package
from adapters.detection.tree import BuildRefused, Tree
from adapters.runtime.steps import Command, Steps
from adapters.runtime.toolchains import Needs
from domain.project import BuildConfig, ProjectType

BERRY = {"YARN_NODE_LINKER": "node-modules"}
"""Without it yarn from version 2 on makes no node_modules, where programs are started from."""


def plan(kind: ProjectType, config: BuildConfig, tree: Tree, directory: str) -> Steps:
    """The steps for the project in ``directory`` of the repository.

    Raises:
        BuildRefused: It has no package.json, or nothing that says how to build its pages.
    """
    found = node.look(tree, directory, config.package_manager)
    if found is None:
        return _without_package(config, directory)
    if kind is ProjectType.REACT and not (config.build_command or found.build):
        raise BuildRefused(
            "package.json has no script 'build'. Add one, or set buildCommand in the build configuration."
        )
    build = config.build_command or found.build
    install = Command(script=found.manager.install, directory=found.home)
    return Steps(
        install=Command(script=config.install_command, directory=directory) if config.install_command else install,
        build=Command(script=build, directory=directory) if build else None,
        environment=found.environment | (BERRY if found.manager.berry else {}),
        programs=tuple(f"{place}/node_modules/.bin".lstrip("/") for place in dict.fromkeys((directory, found.home))),
        needs=_needs(config, found),
        output=found.output,
        reasons=_reasons(config, found),
    )


def start(root: Path, plan_directory: str, needs: Needs) -> str:
    """The command that starts the built server.

    Raises:
        BuildRefused: Nothing says it.
    """
    tree = Tree.of(root)
    found = node.look(tree, plan_directory, needs.manager)
    about = package(tree, plan_directory) or Package()
    command = found.start if found and found.serves else None
    command = command or node.start(tree.below(plan_directory), about, needs.manager or "npm", None)
    if command is None:
        raise BuildRefused(
            "Nothing says how to start the server: package.json has no script 'start' and no 'main' that exists. "
            "Add one, or set startCommand in the runtime configuration."
        )
    return command


def _without_package(config: BuildConfig, directory: str) -> Steps:
    """The project's own commands, with the usual tools."""
    if not (config.build_command or config.install_command):
        raise BuildRefused(f"There is no package.json in {directory or 'the root of the repository'}.")
    commands = [
        Command(script=script, directory=directory) if script else None
        for script in (config.install_command, config.build_command)
    ]
    needs = Needs(node=config.node_version or "", manager="npm")
    return Steps(install=commands[0], build=commands[1], programs=("node_modules/.bin",), needs=needs)


def _needs(config: BuildConfig, found: Node) -> Needs:
    asked = config.node_version or (found.version[0] if found.version else "")
    manager = found.manager
    return Needs(node=asked, manager=manager.name, manager_version=manager.version, manager_digest=manager.digest)


def _reasons(config: BuildConfig, found: Node) -> tuple[str, ...]:
    """What was decided, as lines for the log."""
    if config.node_version:
        node_said = f"Node.js {config.node_version} (nodeVersion of the project)"
    elif found.version:
        node_said = f"Node.js {found.version[0]} ({found.version[1].file} {found.version[1].reason})"
    else:
        node_said = "Node.js of the usual version (nothing asks for another)"
    manager = found.manager
    seen = [f"{found.framework} ({one.file} {one.reason})" for one in found.evidence[:1] if found.framework]
    return (*seen, node_said, f"{manager.name} ({' '.join(filter(None, manager.evidence))})")
