"""Rules about single fields, shared by the deciders. Each raises ``Invalid`` naming the field and the mending."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from domain.rejection import Detail, Invalid

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""One label of a host name (RFC 1035, section 2.3.1, with a digit first as RFC 1123 allows)."""

BRANCH_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-./]|[./]$|\.lock$")
"""What ``git check-ref-format`` refuses, and a leading dash, which git would read as an option."""


def invalid(field: str, message: str) -> Invalid:
    """A refusal for one field."""
    return Invalid(f"{field}: {message}", details=[Detail(field=field, message=message)])


def check(problems: Iterable[tuple[str, str | None]]) -> None:
    """Refuse with every problem at once; a problem is a field and a message, or None where the field is right."""
    details = [Detail(field=field, message=message) for field, message in problems if message]
    if details:
        raise Invalid("; ".join(f"{detail.field}: {detail.message}" for detail in details), details=details)


def name(value: str, longest: int = 100) -> str | None:
    """A name for people."""
    if not value.strip():
        return "must not be empty"
    if len(value) > longest:
        return f"must have at most {longest} characters, not {len(value)}"
    return None if value.isprintable() else "must not hold control characters"


def text(value: str | None, longest: int = 2000) -> str | None:
    """A longer text, or none."""
    return f"must have at most {longest} characters, not {len(value)}" if value and len(value) > longest else None


def relative(path: str | None) -> str | None:
    """A folder below the repository's root; empty is the root itself."""
    if not path:
        return None
    if "\x00" in path or "\\" in path or path.startswith("/") or ".." in PurePosixPath(path).parts:
        return f"must be a folder below the repository's root, such as 'apps/web', not '{path}'"
    return text(path, 500)


def branch(value: str) -> str | None:
    """A git branch name."""
    if not value or len(value) > 250 or BRANCH_FORBIDDEN.search(value):
        return f"'{value}' is not a branch name; use one such as 'main'"
    return None


def label(value: str) -> str | None:
    """One label of a host name."""
    return None if LABEL.fullmatch(value) else f"'{value}' must be 1 to 63 of a-z, 0-9 and '-', and not end with '-'"


def command(value: str | None) -> str | None:
    """A shell command, or none."""
    if value is None:
        return None
    return "must not be empty; leave it out or say null for the default" if not value.strip() else text(value, 4000)


def between(value: float | None, least: float, most: float) -> str | None:
    """A number in a range, or none."""
    return None if value is None or least <= value <= most else f"must be between {least:g} and {most:g}, not {value:g}"


def slug(value: str, longest: int = 40) -> str:
    """``value`` as a label: ``"My Shop!"`` becomes ``"my-shop"``; never empty."""
    parts = re.findall(r"[a-z0-9]+", value.casefold())
    return "-".join(parts)[:longest].strip("-") or "app"
