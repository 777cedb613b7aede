"""``shipbook.toml``: what a repository itself says about how it is built and run.

It lies in the project's folder and goes with each commit, so it comes before what the project is set to; what it leaves
out, the project's settings say, and what those leave out, the files show.
"""

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from adapters.detection.tree import BuildRefused, content
from commands.project import BuildChanges, RuntimeChanges, changed_build, changed_runtime
from domain.deployment import Recipe
from domain.fact import Value
from domain.project import ProjectType, ResourceLimits, RuntimeType
from domain.rejection import Invalid

FILE = "shipbook.toml"

T = TypeVar("T")


class Build(Value, forbid_unknown_fields=True):
    """``[build]``: how a commit becomes an artifact."""

    install: str | UnsetType = UNSET
    command: str | UnsetType = UNSET
    output: str | UnsetType = UNSET
    node_version: str | UnsetType = UNSET
    package_manager: str | UnsetType = UNSET
    submodules: bool | UnsetType = UNSET

    def changes(self) -> BuildChanges:
        """The same, as a request would name it."""
        return BuildChanges(
            install_command=self.install,
            build_command=self.command,
            output_directory=self.output,
            node_version=self.node_version,
            package_manager=self.package_manager,
            submodules=self.submodules,
        )


class Run(Value, forbid_unknown_fields=True):
    """``[run]``: how a release runs, and how it is known to be well."""

    type: RuntimeType | UnsetType = UNSET
    start: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    health_check_path: str | UnsetType = UNSET
    health_timeout_seconds: int | UnsetType = UNSET
    instances: int | UnsetType = UNSET
    memory_mb: int | UnsetType = UNSET
    cpus: float | UnsetType = UNSET
    spa_fallback: bool | UnsetType = UNSET

    def changes(self, limits: ResourceLimits) -> RuntimeChanges:
        """The same, as a request would name it, over these limits."""
        return RuntimeChanges(
            runtime_type=self.type,
            start_command=self.start,
            port=self.port,
            health_check_path=self.health_check_path,
            health_timeout_seconds=self.health_timeout_seconds,
            instances=self.instances,
            limits=ResourceLimits(
                memory_mb=_said(self.memory_mb, limits.memory_mb), cpus=_said(self.cpus, limits.cpus)
            ),
            spa_fallback=self.spa_fallback,
        )


class Manifest(Value, forbid_unknown_fields=True):
    """The whole file. ``name`` and ``type`` are for the project that ``shipbook deploy`` makes of it."""

    name: str | UnsetType = UNSET
    type: ProjectType | UnsetType = UNSET
    build: Build = Build()
    run: Run = Run()

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe as the repository wants it. Raises ``BuildRefused``."""
        try:
            return replace(
                recipe,
                build=changed_build(recipe.build, self.build.changes()),
                runtime=changed_runtime(recipe.runtime, self.run.changes(recipe.runtime.limits)),
            )
        except Invalid as wrong:
            raise BuildRefused(f"{FILE}: {wrong.message}") from wrong


def manifest(checkout: Path, folder: str) -> Manifest | None:
    """What a folder of a checkout says; None where it says nothing. Raises ``BuildRefused`` where it makes no sense."""
    text = content(checkout, f"{folder}/{FILE}" if folder else FILE)
    return None if text is None else decoded(text)


def decoded(text: str) -> Manifest:
    """What the file says. Raises ``BuildRefused`` with what is wrong in it, and where."""
    try:
        return msgspec.toml.decode(text, type=Manifest)
    except msgspec.DecodeError as wrong:
        raise BuildRefused(f"{FILE} is no TOML or says something that is not known: {wrong}.") from wrong


def _said(value: T | UnsetType, otherwise: T) -> T:
    return otherwise if value is UNSET else value
