"""How a repository of each type becomes an artifact: what to install, what to run, what to publish, what to start.

What the project's configuration says comes first; what it leaves open is read off the repository's own files. All
commands are for ``sh -c`` inside the sandbox.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

import msgspec

from adapters.detection import node
from adapters.detection.tree import BuildRefused, Tree
from adapters.runtime import machine, node_builds, python_builds
from adapters.runtime.sandbox import Sandbox
from adapters.runtime.steps import Command
from adapters.runtime.toolchains import Needs
from domain.project import BuildConfig, ProjectType, RuntimeConfig

OUTPUTS = ("dist", "build", "out", "public", "_site", "www")
"""Where the usual builders put their pages, in the order in which they are looked for."""
STATIC_ROOTS = (".", "public", "dist", "site", "www", "docs")
INDEX = "index.html"
NEVER_SERVED = ("node_modules", ".venv", ".env", ".env.*")


class BuildPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to a checkout, and why."""

    install: Command | None = None
    build: Command | None = None
    directory: str = ""
    """Where the project lives in the checkout, and its server starts."""
    output_directory: str | None = None
    """Below ``directory``; None: looked for after the build, or the whole checkout for a server."""
    usual_output: str | None = None
    """Where it is looked for first."""
    environment: dict[str, str] = {}
    """For install and build; the project's own variables go on top."""
    programs: tuple[str, ...] = ()
    """Directories below ``/app`` whose programs come first, in builds and when running."""
    needs: Needs = Needs()
    reasons: tuple[str, ...] = ()
    """What was decided and from which evidence, as lines for the log."""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What to publish: a directory of this machine, without these."""

    directory: Path
    exclude: tuple[str, ...] = ()


def plan(kind: ProjectType, config: BuildConfig, checkout: Path, root_directory: str = "") -> BuildPlan:
    """How to build the checkout.

    Raises:
        BuildRefused: The root directory is not in the repository, or nothing says how to build it.
    """
    directory = inside(root_directory, "rootDirectory")
    root = _existing(checkout, directory, "rootDirectory")
    output = inside(config.output_directory, "outputDirectory") if config.output_directory else None
    tree, folder = Tree.of(checkout), _folder(checkout, root)
    match kind:
        case ProjectType.STATIC if not (config.build_command or config.install_command or _builds_pages(tree, folder)):
            return BuildPlan(directory=directory, output_directory=output, reasons=("Static files, without a build.",))
        case ProjectType.PYTHON:
            found = python_builds.plan(config, tree.below(folder), folder)
        case _:
            found = node_builds.plan(kind, config, tree, folder)
    return BuildPlan(
        install=found.install,
        build=found.build,
        directory=folder,
        usual_output=found.output,
        output_directory=output if kind in (ProjectType.STATIC, ProjectType.REACT) else None,
        environment=machine.BUILDING | found.environment,
        programs=found.programs,
        needs=found.needs,
        reasons=found.reasons,
    )


def walled(step: Command, plan: BuildPlan, sandbox: Sandbox) -> tuple[list[str], Sandbox]:
    """What ``running.run`` needs for one step: its command, and ``sandbox`` with all that the plan says.

    The variables that ``sandbox`` brings along, the project's own, come before the plan's.
    """
    environment = machine.registries() | plan.environment | dict(sandbox.environment)
    box = msgspec.structs.replace(sandbox, directory=step.directory, programs=plan.programs, environment=environment)
    return ["/bin/sh", "-c", step.script], box


def find_output(kind: ProjectType, plan: BuildPlan, workspace: Path) -> Output:
    """What the build made and is to be published: for a server everything, else the directory of the pages.

    Raises:
        BuildRefused: It was not made, or leads out of the checkout.
    """
    if kind in (ProjectType.NODE, ProjectType.PYTHON):
        return Output(directory=workspace)
    root = workspace / plan.directory
    if plan.output_directory is not None:
        return Output(directory=_made(workspace, root, plan.output_directory), exclude=NEVER_SERVED)
    candidates = tuple(dict.fromkeys((*([plan.usual_output] if plan.usual_output else []), *OUTPUTS)))
    candidates = candidates if plan.build else STATIC_ROOTS
    made = [name for name in candidates if (root / name).is_dir()]
    chosen = next((name for name in made if (root / name / INDEX).is_file()), made[0] if made else None)
    if chosen is None or (chosen == "." and not _holds_pages(root)):
        raise BuildRefused(_nothing_made(root, candidates))
    return Output(directory=_made(workspace, root, chosen), exclude=NEVER_SERVED)


def find_start(kind: ProjectType, plan: BuildPlan, runtime: RuntimeConfig, workspace: Path) -> str:
    """The command that starts the built server.

    Raises:
        BuildRefused: Neither the runtime configuration nor the repository says how.
    """
    if runtime.start_command:
        return runtime.start_command
    root = workspace / plan.directory
    if kind is ProjectType.PYTHON:
        return python_builds.start(root)
    return node_builds.start(workspace, plan.directory, plan.needs)


def inside(path: str | None, name: str) -> str:
    """A path relative to the repository, in its plain form: empty for the repository itself.

    Raises:
        BuildRefused: It is absolute, or leads out.
    """
    parts = [part for part in PurePosixPath(path or "").parts if part != "."]
    if ".." in parts or "/" in parts or any("\0" in part for part in parts):
        raise BuildRefused(f"{name} {path!r} must be a path below the repository, without '..' and not absolute.")
    return "/".join(parts)


def _builds_pages(tree: Tree, folder: str) -> bool:
    """Whether a framework that is known makes the pages."""
    found = node.look(tree, folder)
    return found is not None and found.build is not None and found.framework is not None and not found.serves


def _folder(checkout: Path, root: Path) -> str:
    """The project's folder by its real path: in the repository itself, a link may lead there."""
    return "/".join(root.relative_to(checkout.resolve()).parts)


def _existing(checkout: Path, directory: str, name: str) -> Path:
    root = (checkout / directory).resolve()
    if not root.is_relative_to(checkout.resolve()) or not root.is_dir():
        raise BuildRefused(f"{name} {directory!r} is not in the repository; {_folders(checkout)}.")
    return root


def _made(workspace: Path, root: Path, name: str) -> Path:
    place = (root / name).resolve()
    if not place.is_relative_to(workspace.resolve()):
        raise BuildRefused(f"outputDirectory {name!r} leads out of the repository.")
    if not place.is_dir():
        raise BuildRefused(f"outputDirectory {name!r} was not made by the build; {_folders(root)}.")
    return place


def _nothing_made(root: Path, candidates: tuple[str, ...]) -> str:
    looked = ", ".join(name for name in candidates if name != ".")
    return (
        f"There is nothing to publish: no {INDEX}, and none of the directories {looked}; {_folders(root)}. "
        "Set outputDirectory to the directory that holds the pages."
    )


def _holds_pages(root: Path) -> bool:
    return any(path.is_file() and not path.name.startswith(".") for path in root.iterdir())


def _folders(root: Path) -> str:
    found = list(islice(_names(root), 12))
    return f"these directories exist: {', '.join(found)}" if found else "it has no directories"


def _names(root: Path) -> Iterator[str]:
    return (path.name for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith("."))
