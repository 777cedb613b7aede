"""Which repository addresses may be fetched from, and which never.

An address comes from a customer and ends in a program's arguments and on our network, so it may not be an option, may
not name a helper program (``ext::``, gitremote-helpers(7)), and may not lead into a private network unless the operator
says so. Names are resolved once, every address is checked, and git is bound to the checked ones.
"""

import re
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from adapters.network import AddressRefused, is_private, literal, resolved

Scheme = Literal["https", "http", "ssh", "file"]
PORTS = {"https": 443, "http": 80, "ssh": 22}
LONGEST = 2048
HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.IGNORECASE)
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
BRANCH = re.compile(
    r"(?!.*(\.\.|@\{|//|\.lock(/|$)|/\.|[/.]$))[^-/.\s\x00-\x20\x7f~^:?*\[\\][^\s\x00-\x20\x7f~^:?*\[\\]{0,254}"
)
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class RepositoryRefused(Exception):
    """The repository cannot be fetched; the message is a sentence for the user and holds no credential."""


class FetchPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator allows beyond public https and ssh."""

    allow_local: bool = False
    """Paths of this machine."""
    allow_private: bool = False
    """Loopback and private networks, there also without encryption."""


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A checked address in its parts."""

    scheme: Scheme
    url: str
    """As git gets it."""
    host: str = ""
    port: int = 0
    user: str = ""
    path: str = ""


def validate_url(url: str, policy: FetchPolicy) -> Location:
    """The parts of a repository's address, checked as far as it goes without asking the network.

    Raises:
        RepositoryRefused: It may not be fetched from; the message says why, and what would do.
    """
    _require_plain(url)
    if url.startswith("/") or url.lower().startswith("file:"):
        location = _local(url, policy)
    elif "://" in url:
        location = _remote(url)
    elif ":" in url:
        location = _scp(url)
    else:
        raise _unknown_form(url)
    if location.host:
        _check_literal(location, policy)
    return location


def validate_branch(branch: str) -> str:
    """The branch's or tag's name, if git would take it (git-check-ref-format(1)).

    Raises:
        RepositoryRefused: It is no such name.
    """
    if not BRANCH.fullmatch(branch) or branch == "@":
        raise RepositoryRefused(f"{branch[:80]!r} is not the name of a branch or tag.")
    return branch


def validate_commit(commit: str) -> str:
    """The commit's id, if it is a whole one.

    Raises:
        RepositoryRefused: It is none.
    """
    if not COMMIT.fullmatch(commit):
        raise RepositoryRefused(f"{commit[:80]!r} is not a commit's full id: 40 hexadecimal digits in lower case.")
    return commit


async def addresses(location: Location, policy: FetchPolicy, seconds: float = 10) -> list[str]:
    """Every address of the location's host, each checked; none for a local path.

    Raises:
        RepositoryRefused: The host is unknown, or one of its addresses is out of bounds.
    """
    if not location.host:
        return []
    try:
        found = await resolved(location.host, location.port, seconds)
    except AddressRefused as refused:
        raise RepositoryRefused(str(refused)) from None
    for address in found:
        _check_address(location, address, policy)
    return found


def _require_plain(url: str) -> None:
    if not url or len(url) > LONGEST:
        raise RepositoryRefused(f"A repository's address has 1 to {LONGEST} characters.")
    if url.startswith("-"):
        raise RepositoryRefused("A repository's address may not begin with a hyphen.")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise RepositoryRefused("A repository's address may not hold spaces or control characters.")
    if re.match(r"[^/:@]*::", url):
        raise RepositoryRefused("An address with '::' runs a helper program, which is not allowed.")


def _local(url: str, policy: FetchPolicy) -> Location:
    if not policy.allow_local:
        raise RepositoryRefused(
            "Paths of this machine are not allowed as repositories. The operator can allow them; else use https or ssh."
        )
    path = url
    if not url.startswith("/"):
        if not url.lower().startswith("file:///"):
            raise RepositoryRefused("A file address has the form file:///path/to/repository.")
        path = url[len("file://") :]
    if "?" in path or "#" in path or "%" in path:
        raise RepositoryRefused("A local repository's path may not hold '?', '#' or '%'.")
    return Location(scheme="file", url=f"file://{path}", path=path)


def _remote(url: str) -> Location:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _unknown_form(url) from None
    scheme = parts.scheme.lower()
    if scheme not in ("https", "http", "ssh"):
        raise RepositoryRefused(f"Repositories are fetched by https or ssh, not by {scheme[:20]!r}.")
    if parts.password is not None or (parts.username is not None and scheme != "ssh"):
        raise RepositoryRefused("Leave user and password out of the address, and give them as the credential instead.")
    if parts.query or parts.fragment or "?" in url or "#" in url or "\\" in url:
        raise RepositoryRefused("A repository's address may not hold '?', '#' or a backslash.")
    _require_host(host)
    _require_path(parts.path)
    user = _checked_user(parts.username) if scheme == "ssh" else ""
    number = PORTS[scheme] if port is None else port
    shown = f"[{host}]" if ":" in host else host
    login = f"{user}@" if user else ""
    whole = f"{scheme}://{login}{shown}:{number}{parts.path}"
    return Location(scheme=scheme, url=whole, host=host, port=number, user=user, path=parts.path)  # type: ignore[arg-type]  # narrowed above


def _scp(url: str) -> Location:
    """``user@host:path``, the short form for ssh (git-fetch(1), GIT URLS)."""
    left, _, path = url.partition(":")
    user, _, host = left.rpartition("@")
    if "/" in left or "\\" in url or "?" in url or "#" in url:
        raise _unknown_form(url)
    _require_host(host)
    _require_path(f"/{path}")
    name = _checked_user(user or None)
    return Location(scheme="ssh", url=f"{name}@{host}:{path}", host=host, port=22, user=name, path=path)


def _require_host(host: str) -> None:
    try:
        ip_address(host)
    except ValueError:
        if len(host) > 253 or not HOST.fullmatch(host):
            raise RepositoryRefused("The address's host is not a host name or an IP address.") from None


def _require_path(path: str) -> None:
    if path in ("", "/") or path.startswith("/-"):
        raise RepositoryRefused("The address names no repository: its path is missing, or begins with a hyphen.")


def _checked_user(user: str | None) -> str:
    name = "git" if user is None else user
    if not USER.fullmatch(name):
        raise RepositoryRefused("The address's user name may hold only letters, digits, '.', '_' and '-'.")
    return name


def _check_literal(location: Location, policy: FetchPolicy) -> None:
    """Refuse at once what needs no look-up: numbers in every spelling, and the names of this machine."""
    if address := literal(location.host):
        _check_address(location, address, policy)
    elif location.scheme == "http" and not policy.allow_private:
        raise _unencrypted()


def _check_address(location: Location, address: str, policy: FetchPolicy) -> None:
    private = is_private(address)
    if private and not policy.allow_private:
        raise RepositoryRefused(
            f"The host {location.host} lies in a private network, where this installation may not fetch from. "
            "The operator can allow it."
        )
    if location.scheme == "http" and not private:
        raise _unencrypted()


def _unencrypted() -> RepositoryRefused:
    return RepositoryRefused("Repositories are not fetched over unencrypted http. Use https.")


def _unknown_form(url: str) -> RepositoryRefused:
    shown = re.sub(r"//[^/@]*@", "//…@", url)[:80]
    return RepositoryRefused(
        f"{shown!r} is not a repository's address. Use https://host/path, ssh://user@host/path or user@host:path."
    )
