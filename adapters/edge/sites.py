"""What Caddy serves for each host, as links that are swapped by one rename.

``releases/<name>/`` says once and for all what a host may be: ``public``, a link to the artifact, with the empty file
``release/<name>,<owner>`` and perhaps the empty file ``fallback``; or the empty file ``service/<owner>``, for hosts
whose instances the responder knows; or ``stopped/<owner>``; or ``redirect/<status>,<scheme>,<host>``. Caddy learns from
these names what it has to know: ``<owner>`` is ``<environment>,<release>``, for the access log.
``hosts/<host>`` is a link to one of these directories; that of ``*.example.com`` is called ``_.example.com``.
Every step may be cut short and repeated.
"""

import re
import shutil
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from adapters.edge.caddy import HOST, WILDCARD

_ANY = "*."
_UNFINISHED = "."
"""The first letter of what is being made; no host and no release starts with it."""


class Owner(NamedTuple):
    """Whose access log tells of the requests to a host, and of which release; nobody's where there is none."""

    environment_id: str = ""
    release_id: str = ""

    def __str__(self) -> str:
        return f"{self.environment_id},{self.release_id}"


NOBODY = Owner()


class HostInvalid(ValueError):
    """The host name cannot be served: it is no RFC 1123 name in lower case."""


def checked(host: str) -> str:
    """``host`` itself, when it may be served. Raises HostInvalid."""
    if not _servable(host):
        raise HostInvalid(f"{host!r} is no host name: use lower-case letters, digits, hyphens and dots.")
    return host


def entry_of(host: str) -> str:
    """The file name that stands for a host or a wildcard. Raises HostInvalid."""
    checked(host)
    return WILDCARD + host.removeprefix(_ANY) if host.startswith(_ANY) else host


def host_of(entry: str) -> str:
    """The host or wildcard that a file name stands for."""
    return _ANY + entry.removeprefix(WILDCARD) if entry.startswith(WILDCARD) else entry


def _servable(host: str) -> bool:
    name = host.removeprefix(_ANY)
    return len(name) <= 253 and not name.endswith(".") and re.fullmatch(HOST, name) is not None


class Sites:
    """The links under ``root``. One owner at a time: the edge."""

    def __init__(self, root: Path) -> None:
        self._hosts = root / "hosts"
        self._releases = root / "releases"
        self._previous: dict[str, str] = {}
        for directory in (self._hosts, self._releases):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def publish(self, host: str, artifact: Path, release_id: str, *, fallback: bool, environment_id: str = "") -> None:
        """Serve ``artifact``, a directory, at ``host`` from now on; ``fallback``: unknown paths show /index.html."""
        owner = Owner(environment_id, release_id)
        name = _release_name(checked(host), artifact, owner, fallback=fallback)
        if not (self._releases / name).is_dir():
            growing = self._marked("release", f"{name},{owner}")
            (growing / "public").symlink_to(artifact.absolute())
            if fallback:
                (growing / "fallback").touch()
            _take_place(growing, self._releases / name)
        self._point(host, name)

    def redirect(self, host: str, status: int, scheme: str, to: str) -> None:
        """Send requests for ``host`` on to ``to``, a host name perhaps with a port."""
        self._show_mark(host, "redirect", f"{status},{scheme},{to}")

    def proxy(self, host: str, owner: Owner = NOBODY) -> None:
        """Pass requests for ``host`` to the instances that the responder knows."""
        self._show_mark(host, "service", str(owner))

    def stop(self, host: str, owner: Owner = NOBODY) -> None:
        """Say at ``host`` that its application is stopped."""
        self._show_mark(host, "stopped", str(owner))

    def withdraw(self, host: str) -> None:
        """Serve nothing at ``host``."""
        link = self._hosts / entry_of(host)
        old = _target(link)
        link.unlink(missing_ok=True)
        self._retire(host, old, None)

    def hosts(self) -> set[str]:
        """Every host that is served."""
        found = (host_of(entry.name) for entry in self._hosts.iterdir())
        return {host for host in found if _servable(host)}

    def tidy(self) -> None:
        """Remove releases that no host shows or has just shown, and what an interrupted step left."""
        entries = {entry_of(host) for host in self.hosts()}
        used = {_target(self._hosts / entry) for entry in entries} | set(self._previous.values())
        for directory, kept in ((self._hosts, entries), (self._releases, used)):
            for entry in directory.iterdir():
                if entry.name not in kept:
                    _remove(entry)

    def _point(self, host: str, name: str) -> None:
        link = self._hosts / entry_of(host)
        old = _target(link)
        if old == name:
            return
        growing = self._unfinished(self._hosts)
        growing.symlink_to(Path("..") / "releases" / name)
        growing.replace(link)
        self._retire(host, old, name)

    def _retire(self, host: str, old: str | None, shown: str | None) -> None:
        """Keep the ``old`` release, because a request may be reading it; remove the one before that."""
        last = self._previous.pop(host, None)
        if last not in {None, old, shown} and not self._shared(str(last)):
            _remove(self._releases / str(last))
        if old:
            self._previous[host] = old

    def _shared(self, name: str) -> bool:
        """Whether other hosts may show the release as well; ``tidy`` removes it then."""
        return not (self._releases / name / "public").is_symlink()

    def _show_mark(self, host: str, kind: str, mark: str) -> None:
        """Let the host show what needs no more than a mark."""
        checked(host)
        name = sha256(f"{kind}\0{mark}".encode()).hexdigest()[:32]
        if not (self._releases / name).is_dir():
            _take_place(self._marked(kind, mark), self._releases / name)
        self._point(host, name)

    def _marked(self, kind: str, mark: str) -> Path:
        """A directory to become a release, with the empty file ``kind/mark`` in it."""
        growing = self._unfinished(self._releases)
        (growing / kind).mkdir(parents=True)
        (growing / kind / mark).touch()
        return growing

    def _unfinished(self, directory: Path) -> Path:
        return directory / f"{_UNFINISHED}{token_hex(8)}"


def _release_name(host: str, artifact: Path, owner: Owner, *, fallback: bool) -> str:
    """Names the directory after everything that is in it, so that it never needs to change."""
    content = f"{host}\0{artifact.absolute()}\0{owner}\0{fallback}"
    return sha256(content.encode()).hexdigest()[:32]


def _take_place(growing: Path, place: Path) -> None:
    """Rename; whoever was first made the same directory, so a second one is dropped."""
    try:
        growing.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(growing)


def _target(link: Path) -> str | None:
    """The name that ``link`` points to, or None where there is no link."""
    try:
        return link.readlink().name
    except OSError:
        return None


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
