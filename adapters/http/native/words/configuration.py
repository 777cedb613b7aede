"""How projects are built and run: both directions."""

from typing import TypeVar

from msgspec import UNSET, UnsetType

from adapters.http.native.wire.projects import (
    BuildConfigOut,
    BuildPatch,
    Limits,
    ProjectConfig,
    RuntimeConfigOut,
    RuntimePatch,
)
from commands.checks import invalid
from commands.project import BuildChanges, RuntimeChanges
from domain.project import BuildConfig, ResourceLimits, RuntimeConfig

T = TypeVar("T")


def build_config(build: BuildConfig, root_directory: str) -> BuildConfigOut:
    """A build configuration, under the document's keys and the long ones."""
    return BuildConfigOut(
        install=build.install_command,
        install_command=build.install_command,
        build=build.build_command,
        build_command=build.build_command,
        output=build.output_directory,
        output_directory=build.output_directory,
        root_directory=root_directory,
        node_version=build.node_version,
        package_manager=build.package_manager,
        submodules=build.submodules,
    )


def runtime_config(runtime: RuntimeConfig) -> RuntimeConfigOut:
    """A runtime configuration."""
    return RuntimeConfigOut(
        runtime_type=runtime.runtime_type,
        start_command=runtime.start_command,
        port=runtime.port,
        health_check_path=runtime.health_check_path,
        health_timeout_seconds=runtime.health_timeout_seconds,
        instances=runtime.instances,
        limits=Limits(memory_mb=runtime.limits.memory_mb, cpus=runtime.limits.cpus),
        spa_fallback=runtime.spa_fallback,
    )


def build_changes(body: BuildPatch | ProjectConfig) -> BuildChanges:
    """What a request names of the build configuration."""
    return BuildChanges(
        install_command=_either("install", body.install, "installCommand", body.install_command),
        build_command=_either("build", body.build, "buildCommand", body.build_command),
        output_directory=_either("output", body.output, "outputDirectory", body.output_directory),
        node_version=body.node_version,
        package_manager=body.package_manager,
        submodules=body.submodules,
    )


def runtime_changes(body: RuntimePatch) -> RuntimeChanges:
    """What a request names of the runtime configuration."""
    limits = body.limits
    return RuntimeChanges(
        runtime_type=body.runtime_type,
        start_command=_either("start", body.start, "startCommand", body.start_command),
        port=body.port,
        health_check_path=body.health_check_path,
        health_timeout_seconds=body.health_timeout_seconds,
        instances=body.instances,
        limits=UNSET if limits is UNSET else ResourceLimits(memory_mb=limits.memory_mb, cpus=limits.cpus),
        spa_fallback=body.spa_fallback,
    )


def _either(short: str, by_short: T | UnsetType, long: str, by_long: T | UnsetType) -> T | UnsetType:
    if by_short is not UNSET and by_long is not UNSET and by_short != by_long:
        raise invalid(short, f"says something else than {long}; send one of them")
    return by_long if by_short is UNSET else by_short
