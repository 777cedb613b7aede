"""The phrases that sentences are made of."""

import re
from datetime import datetime

from domain.project import BuildConfig, RuntimeConfig

LONGEST_LINE = 500
"""Characters of a sentence; what people wrote into it is cut behind that."""


def deployment_reference(number: int) -> str:
    """``DEP-0042`` for the workspace's 42nd deployment (document 002: ``DEP-####``)."""
    return f"DEP-{number:04d}"


def counted(count: int, noun: str) -> str:
    """``1 line``, ``2 lines``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def line(text: str) -> str:
    """One line that ends as a sentence does, whatever people wrote into it."""
    text = " ".join(text.split())
    if len(text) > LONGEST_LINE:
        text = text[:LONGEST_LINE].rstrip() + "…"
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def shown_url(url: str) -> str:
    """``url`` without a user, a password or a query, in which credentials are sometimes written."""
    return re.sub(r"//[^/]*@", "//", url).partition("?")[0]


def moment(at: datetime) -> str:
    """``2026-11-22 03:00 UTC``."""
    return f"{at:%Y-%m-%d %H:%M %Z}"


def build_settings(build: BuildConfig) -> str:
    """How a commit becomes an artifact."""
    settings = [
        f"install {_command(build.install_command)}",
        f"build {_command(build.build_command)}",
        f"output '{build.output_directory}'" if build.output_directory else None,
        f"Node {build.node_version}" if build.node_version else None,
        build.package_manager,
        "submodules" if build.submodules else None,
    ]
    return ", ".join(setting for setting in settings if setting)


def runtime_settings(runtime: RuntimeConfig) -> str:
    """How a release runs."""
    settings = [
        f"{runtime.runtime_type}",
        f"start {_command(runtime.start_command)}",
        f"{counted(runtime.instances, 'instance')} of {runtime.limits.memory_mb} MB and {runtime.limits.cpus:g} CPU",
        f"healthy when '{runtime.health_check_path}' answers within {runtime.health_timeout_seconds} s",
    ]
    return ", ".join(settings)


def _command(command: str | None) -> str:
    return "as found" if command is None else f"'{command}'"
