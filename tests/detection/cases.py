"""Repositories, cut down to the files that decide, and what they are."""

import json
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A repository, and the part of the suggestion that matters."""

    name: str
    files: dict[str, str]
    expected: dict[str, Any]


def package(*depends: str, scripts: dict[str, str] | None = None, **more: Any) -> str:
    """A package.json."""
    return json.dumps({"scripts": scripts or {}, "dependencies": dict.fromkeys(depends, "*"), **more})


def node(name: str, files: dict[str, str], framework: str | None, start: str, **expected: Any) -> Case:
    """A server."""
    return Case(name, files, {"type": "node", "runs_server": True, "framework": framework, "start": start, **expected})


def pages(name: str, files: dict[str, str], framework: str | None, output: str | None, **expected: Any) -> Case:
    """Pages of many addresses."""
    told = {"type": "static", "runs_server": False, "framework": framework, "output": output, "start": None}
    return Case(name, files, told | expected)


def one_page(name: str, files: dict[str, str], framework: str | None, output: str | None, **expected: Any) -> Case:
    """One page, whose paths the browser resolves."""
    return pages(name, files, framework, output, **{"type": "react", **expected})


def python(name: str, files: dict[str, str], framework: str | None, start: str | None, **expected: Any) -> Case:
    """A Python server."""
    return Case(name, files, {"type": "python", "runs_server": True, "framework": framework, "start": start} | expected)


def unknown(name: str, files: dict[str, str], **expected: Any) -> Case:
    """Nothing that is built here."""
    return Case(name, files, {"type": None, "runs_server": False, **expected})
