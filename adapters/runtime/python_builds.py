"""The steps of a Python repository, and how its server is started; what it needs is known to ``adapters.detection``."""

import re
from pathlib import Path

from adapters.detection import python
from adapters.detection.tree import BuildRefused, Tree
from adapters.runtime.steps import Command, Steps
from adapters.runtime.toolchains import Needs, interpreter
from domain.project import BuildConfig

PROGRAMS = {"waitress": "waitress-serve"}
"""What a package's program is called, where it has another name."""


def plan(config: BuildConfig, tree: Tree, directory: str) -> Steps:
    """The steps for the project that ``tree`` holds, which is ``directory`` of the repository."""
    source, script = python.source(tree)
    seed = " --seed" if config.install_command else ""
    asked = _asked_version(tree)
    make = f"uv venv --quiet --relocatable --allow-existing{seed} --python"
    own = f"{make} {interpreter()} .venv"
    environment = f"{make} {asked} .venv 2>/dev/null || {own}" if asked else own
    install = f"{{ {environment}; }} && {config.install_command or script}"
    return Steps(
        install=Command(script=install, directory=directory),
        build=Command(script=config.build_command, directory=directory) if config.build_command else None,
        programs=(f"{directory}/.venv/bin".lstrip("/"),),
        needs=Needs(uv=True),
        reasons=(f"A virtual environment of its own; dependencies from {source}.",),
    )


def start(root: Path) -> str:
    """The command that starts the server: a Procfile's, or that of the framework that the sources use.

    Raises:
        BuildRefused: None was found.
    """
    programs = root / ".venv" / "bin"
    found = python.start(Tree.of(root), lambda name: (programs / PROGRAMS.get(name, name)).is_file())
    if found and found.command:
        return found.command
    raise BuildRefused(
        (found and found.missing)
        or "Nothing says how to start the server: there is no Procfile, no manage.py and no main.py, app.py or "
        "server.py. Set startCommand in the runtime configuration; the port to listen on is in the variable PORT."
    )


def _asked_version(tree: Tree) -> str | None:
    """The Python that the repository asks for; taken where the machine has it."""
    found = re.match(r"\d+\.\d+(\.\d+)?", (tree.text(".python-version") or "").strip())
    return found[0] if found else None
