"""The repository as the architecture's tests see it: its tracked files and what its modules declare."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "commands", "projections", "adapters", "services")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that a clone would have."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, timeout=30)
    return tuple(ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file())


@cache
def modules(*packages: str) -> tuple[Path, ...]:
    """Every tracked Python module, of these top-level folders or of all."""
    return tuple(
        path
        for path in tracked()
        if path.suffix == ".py" and (not packages or path.relative_to(ROOT).parts[0] in packages)
    )


def named(path: Path) -> str:
    """A path as people say it: relative to the repository."""
    return str(path.relative_to(ROOT))


def definitions(path: Path) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The classes and functions of a module and of its classes, with their qualified names."""
    yield from _definitions(ast.parse(path.read_text()).body, "")


def _definitions(
    body: list[ast.stmt], prefix: str
) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{prefix}{node.name}.")


def subclasses(base: type, package: str) -> set[type]:
    """Every subclass of ``base`` that a module of ``package`` declares."""
    for path in modules(package):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    return {kind for kind in _below(base) if kind.__module__.split(".")[0] == package}


def _below(base: type) -> Iterator[type]:
    for kind in base.__subclasses__():
        yield kind
        yield from _below(kind)
