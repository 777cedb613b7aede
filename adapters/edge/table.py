"""Which host shows what: the edge's whole table, brought to the responder and the links."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from adapters.edge.responder import Responder, Upstream
from adapters.edge.sites import HostInvalid, Owner, Sites, checked


class StaticRoute(msgspec.Struct, frozen=True, tag="static"):
    """A host that shows the files of ``artifact``; with ``fallback`` unknown paths show /index.html."""

    hostname: str
    release_id: str
    artifact: Path
    fallback: bool = False
    environment_id: str = ""


class ServiceRoute(msgspec.Struct, frozen=True, tag="service"):
    """A host whose requests go to one of ``upstreams``."""

    hostname: str
    release_id: str
    upstreams: tuple[Upstream, ...]
    environment_id: str = ""


class StoppedRoute(msgspec.Struct, frozen=True, tag="stopped"):
    """A host that says that its application is stopped."""

    hostname: str
    release_id: str
    environment_id: str = ""


class RedirectRoute(msgspec.Struct, frozen=True, tag="redirect"):
    """A host whose requests are sent on to ``to``, a host name perhaps with a port, with the status 301 or 308."""

    hostname: str
    to: str
    scheme: str = "https"
    status: int = 308


Route = StaticRoute | ServiceRoute | StoppedRoute | RedirectRoute
"""``hostname`` may be a wildcard, which shows what no host of its own shows. The access log tells of requests by their
environment, where the route has one."""


class EdgeTable:
    """Keeps the responder and the links equal to a table of routes. Every method may be repeated.

    Instances are known before a link leads to them, and forgotten only when none does any more.
    """

    def __init__(self, responder: Responder, sites: Sites) -> None:
        self._responder = responder
        self._sites = sites
        self._shown: dict[str, Route] = {}

    def apply(self, routes: Iterable[Route]) -> list[HostInvalid | OSError]:
        """Make ``routes`` the whole table; only what differs is touched.

        Returns why routes were left out, if any, as where the disk is full. They are tried again the next time.
        """
        wanted = {route.hostname: route for route in routes}
        before, refused = dict(self._shown), list[HostInvalid | OSError]()
        for host in (self._sites.hosts() | before.keys()) - wanted.keys():
            self.remove(host)
        for route in wanted.values():
            try:
                self.put(route)
            except (HostInvalid, OSError) as refusal:
                refused.append(refusal)
        if refused or self._shown != before:
            self._sites.tidy()
        return refused

    def hosts(self) -> set[str]:
        """Every host and wildcard that shows something."""
        return set(self._shown)

    def put(self, route: Route) -> None:
        """Show ``route`` at its host. Raises HostInvalid and OSError."""
        host = checked(route.hostname)
        if self._shown.get(host) == route:
            return
        match route:
            case ServiceRoute():
                self._responder.show(host, route.upstreams)
                self._sites.proxy(host, Owner(route.environment_id, route.release_id))
            case StaticRoute():
                self._sites.publish(
                    host,
                    route.artifact,
                    route.release_id,
                    fallback=route.fallback,
                    environment_id=route.environment_id,
                )
                self._responder.forget(host)
            case StoppedRoute():
                self._sites.stop(host, Owner(route.environment_id, route.release_id))
                self._responder.forget(host)
            case RedirectRoute():
                self._sites.redirect(host, route.status, route.scheme, route.to)
                self._responder.forget(host)
        self._shown[host] = route

    def remove(self, host: str) -> None:
        """Show nothing at ``host``. Raises HostInvalid."""
        self._shown.pop(host, None)
        self._sites.withdraw(host)
        self._responder.forget(host)
