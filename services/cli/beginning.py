"""``shipbook init``: what the files show, written down where people can change it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from adapters.detection.detecting import detect
from adapters.detection.suggestion import Suggestion
from adapters.detection.tree import BuildRefused, Tree
from adapters.manifest import FILE, decoded
from services.console import Console
from services.exits import CommandFailed, Exit, WrongUsage

HEAD = """# How this repository is built and run. What is left out, the project's settings say,
# and what those leave out, its files show. See docs/shipbook-toml.md of Shipbook.
"""


def begin(directory: Path, *, force: bool, as_json: bool) -> int:
    """Write the file. Raises CommandFailed, WrongUsage."""
    console, file = Console(as_json=as_json), directory / FILE
    if not directory.is_dir():
        raise WrongUsage(f"{directory} is no folder.")
    if file.exists() and not force:
        raise WrongUsage(f"{file} is there already. Change it, or replace it with --force.")
    found = _detected(directory)
    text = written(found, directory.resolve().name)
    decoded(text)  # whoever reads it understands it
    file.write_text(text)
    console.document({"file": str(file), "type": found.type, "framework": found.framework})
    what = found.framework or found.type or "nothing that is known"
    console.say(f"{file} is written: {what}. Look at it, commit it, then: shipbook deploy", "green")
    return Exit.OK


def _detected(directory: Path) -> Suggestion:
    try:
        return detect(Tree.of(directory))
    except BuildRefused as refused:
        raise CommandFailed(str(refused)) from refused


def written(found: Suggestion, name: str) -> str:
    """The file's text for what was found."""
    build = {
        "install": found.install_command,
        "command": found.build_command,
        "output": found.output_directory or None,
        "node_version": found.node_version,
        "package_manager": found.package_manager,
    }
    run = {"start": found.start_command, "health_check_path": "/", "memory_mb": 512} if found.runs_server else {}
    parts = [HEAD, *_lines({"name": name, "type": found.type})]
    for title, table in (("build", build), ("run", run)):
        if lines := list(_lines(table)):
            parts += ["", f"[{title}]", *lines]
    return "\n".join(parts) + "\n"


def _lines(table: Mapping[str, object]) -> Iterator[str]:
    """A JSON string is a TOML one (TOML 1.0, basic strings)."""
    for key, value in table.items():
        if value is not None:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
