"""The words that the builds of all languages share."""

from pathlib import Path

import msgspec

from adapters.runtime.toolchains import Needs


class BuildRefused(Exception):
    """The repository cannot be built as it is; the message says what to change."""


LONGEST = 1 << 20


def content(root: Path, name: str) -> str | None:
    """The text of a file in the repository; None when there is none.

    A link that leads out of ``root`` is none: it would show the repository's owner a file of this machine.
    """
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError):  # links in a circle
        return None
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(LONGEST).decode(errors="replace")


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A script for ``sh -c``, and the directory below ``/app`` where it starts."""

    script: str
    directory: str = ""


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """What a language's rules found out about a checkout."""

    install: Command | None = None
    build: Command | None = None
    environment: dict[str, str] = {}
    programs: tuple[str, ...] = ()
    needs: Needs = Needs()
    reasons: tuple[str, ...] = ()
