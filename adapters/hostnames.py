"""Host names as people write them, made the one form that they are kept in (IDNA 2008, RFC 5891)."""

from ipaddress import ip_address

import idna

from commands.checks import invalid, shown
from domain.custom_domain import WILDCARD, base

LONGEST = 1024
"""Characters that are looked at at all; letters outside ASCII take more than one."""


def normalised(text: str, field: str) -> str:
    """The ASCII form of a host name, in lower case and without a final dot; a leading ``*.`` stays.

    ``Bücher.Example.`` becomes ``xn--bcher-kva.example``. Raises ``Invalid`` for ``field``.
    """
    name = text.strip()
    if not name or len(name) > LONGEST:
        raise invalid(field, f"must be a host name of 1 to {LONGEST} characters, such as www.example.com")
    if "://" in name or "/" in name:
        raise invalid(field, "must be the host name alone, without 'https://' or a path")
    if _is_address(name):
        raise invalid(field, "must be a name, not an IP address")
    prefix = WILDCARD if name.startswith(WILDCARD) else ""
    try:
        # UTS 46 maps capitals and full-width letters first, as browsers do; IDNA 2008 then decides what is a name.
        return prefix + idna.encode(name.removeprefix(prefix), uts46=True).decode("ascii").lower().removesuffix(".")
    except UnicodeError as problem:
        raise invalid(field, shown(f"'{name[:100]}' is no host name: {problem}", 300)) from problem


def displayed(hostname: str) -> str:
    """The name as people read it, from its ASCII form; where that cannot be, the ASCII form itself."""
    try:
        return hostname[: len(hostname) - len(base(hostname))] + idna.decode(base(hostname))
    except UnicodeError:
        return hostname


def _is_address(name: str) -> bool:
    try:
        ip_address(name.rstrip(".").strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
