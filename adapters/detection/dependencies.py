"""What a Python project depends on: the names in its lists of requirements."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from adapters.detection.tree import BuildRefused, Tree

LISTS = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "setup.cfg", "requirements.in")
NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
INCLUDED = re.compile(r"^[ \t]*(?:-r|--requirement)[ =][ \t]*(\S+)", re.MULTILINE)
QUOTED = re.compile(r"""['"]([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]'"]*\])?)\s*(?:[<>=!~;@ ][^'"]*)?['"]""")
IMPLIED = {
    "fastapi[standard]": ("uvicorn", "fastapi-cli"),
    "fastapi[all]": ("uvicorn",),
    "litestar[standard]": ("uvicorn",),
    "litestar[full]": ("uvicorn",),
    "litestar-granian": ("granian",),
    "quart": ("hypercorn",),
}
"""Servers that come with a dependency."""


def dependencies(tree: Tree) -> dict[str, str]:
    """Names of packages, in lower case with hyphens, and the file that names each."""
    found: dict[str, str] = {}
    for file in _lists(tree):
        for requirement in _requirements(tree, file):
            match = NAME.match(requirement)
            if match:
                name = re.sub(r"[._]+", "-", match[1]).lower()
                found.setdefault(name, file)
                extras = [extra.strip() for extra in (match[2] or "").split(",")]
                for key in (name, *(f"{name}[{extra}]" for extra in extras)):
                    for implied in IMPLIED.get(key, ()):
                        found.setdefault(implied, file)
    return found


def pyproject(tree: Tree) -> dict[str, Any]:
    """The pyproject.toml; empty where there is none.

    Raises:
        BuildRefused: It is not valid TOML.
    """
    try:
        return tomllib.loads(tree.text("pyproject.toml") or "")
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise BuildRefused(f"pyproject.toml is not valid TOML: {problem}.") from None


def _lists(tree: Tree) -> Iterator[str]:
    """The files that name requirements, with those that ``requirements.txt`` includes."""
    yield from (file for file in LISTS if tree.has(file))
    yield from (path for path in dict.fromkeys(INCLUDED.findall(tree.text("requirements.txt") or "")) if tree.has(path))
    yield from tree.matching("requirements/*.txt")


def _requirements(tree: Tree, file: str) -> Iterator[str]:
    text = tree.text(file) or ""
    match file:
        case "pyproject.toml":
            yield from _of_pyproject(pyproject(tree))
        case "Pipfile":
            yield from _of_pipfile(text)
        case "setup.py" | "setup.cfg":
            listed = re.search(r"install_requires\s*=\s*(\[[^\]]*\]|(?:\n[ \t]+[^\n]+)+)", text)
            block = listed[1] if listed else ""
            yield from QUOTED.findall(block) if block.startswith("[") else block.splitlines()
        case _:
            yield from (line for line in text.splitlines() if not line.lstrip().startswith(("#", "-")))


def _of_pyproject(about: dict[str, Any]) -> Iterator[str]:
    listed = _inside(about, "project").get("dependencies")
    yield from (one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()
    for name, wanted in _inside(about, "tool", "poetry", "dependencies").items():
        extras = wanted.get("extras") if isinstance(wanted, dict) else None
        yield f"{name}[{','.join(map(str, extras))}]" if isinstance(extras, list) else name


def _of_pipfile(text: str) -> Iterator[str]:
    try:
        yield from _inside(tomllib.loads(text), "packages")
    except tomllib.TOMLDecodeError:
        return


def _inside(about: dict[str, Any], *keys: str) -> dict[str, Any]:
    for key in keys:
        found = about.get(key)
        about = found if isinstance(found, dict) else {}
    return about
