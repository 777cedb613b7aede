"""Rules about single fields, shared by the deciders. Each raises ``Invalid`` naming the field and the mending."""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from pathlib import PurePosixPath

from domain.rejection import Detail, Invalid

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""One label of a host name (RFC 1035, section 2.3.1, with a digit first as RFC 1123 allows)."""

BRANCH_FORBIDDEN = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|^[-./]|[./]$|\.lock(/|$)|^(@|HEAD)$"
)
"""What ``git check-ref-format`` refuses, and a leading dash, which git would read as an option."""

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A whole commit hash, SHA-1 or SHA-256."""

PACKAGE_MANAGER = re.compile(r"(npm|pnpm|yarn)(@[0-9][0-9A-Za-z.-]{0,40}(\+[a-z0-9]{1,10}\.[0-9a-fA-F]{1,128})?)?")
"""A name, perhaps a version, perhaps a digest: as corepack writes it into package.json."""

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no text may hold: control characters but tab and line ends, and halves of pairs. PostgreSQL refuses some."""


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
    if value is None:
        return None
    if len(value) > longest:
        return f"must have at most {longest} characters, not {len(value)}"
    return "must not hold control characters" if UNPRINTABLE.search(value) else None


def shown(value: str, longest: int = 2000) -> str:
    """What a repository or a program wrote, made a text by the rules of ``text``: it is cut, not refused."""
    printable = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    return printable if len(printable) <= longest else printable[: longest - 1] + "…"


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


def commit(value: str | None) -> str | None:
    """A whole commit hash, or none."""
    return None if value is None or COMMIT.fullmatch(value) else f"'{value}' is not a commit; use its whole hash"


def label(value: str) -> str | None:
    """One label of a host name."""
    return None if LABEL.fullmatch(value) else f"'{value}' must be 1 to 63 of a-z, 0-9 and '-', and not end with '-'"


def package_manager(value: str | None) -> str | None:
    """A package manager of Node.js, or none."""
    if value is None or PACKAGE_MANAGER.fullmatch(value):
        return None
    return f"'{value[:80]}' is not known; use npm, pnpm or yarn, perhaps with a version such as pnpm@9.15.0"


def command(value: str | None) -> str | None:
    """A shell command, or none."""
    if value is None:
        return None
    return "must not be empty; leave it out or say null for the default" if not value.strip() else text(value, 4000)


def between(value: float | None, least: float, most: float) -> str | None:
    """A number in a range, or none."""
    return None if value is None or least <= value <= most else f"must be between {least:g} and {most:g}, not {value:g}"


def slug(value: str, longest: int = 40) -> str:
    """``value`` as a label: ``"My Café!"`` becomes ``"my-cafe"``; a name without such letters gets a digest."""
    plain = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", value.casefold()))
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:longest].strip("-")
    return slug or "app-" + sha256(value.encode(errors="replace")).hexdigest()[:6]
