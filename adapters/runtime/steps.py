"""The words that the builds of all languages share."""

import msgspec

from adapters.runtime.toolchains import Needs


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
    output: str | None = None
    """Where the pages will be, as far as the framework's rules say."""
    reasons: tuple[str, ...] = ()
