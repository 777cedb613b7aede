"""``shipbook edge``: keeps the edge's table equal to the environments' active releases and their custom domains.

The table comes from the read models alone: all of it whenever rows of environments have changed, and each second.
Caddy's configuration never changes; while this process is away Caddy goes on with the last answers.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from adapters.artifacts import Artifacts
from adapters.database import PROJECTED, Database, Unavailable
from adapters.edge.responder import Responder, Upstream
from adapters.edge.sites import Sites
from adapters.edge.table import EdgeTable, RedirectRoute, Route, ServiceRoute, StaticRoute
from adapters.reading import PostgresReader
from adapters.settings import Settings, private_directory
from domain.custom_domain import Redirect
from domain.identifiers import EnvironmentId
from projections import custom_domains, environments
from projections.custom_domains import CustomDomainRow
from projections.reading import Reader
from services.embedded import database_url
from services.process import Ready, run

if TYPE_CHECKING:
    from services.certificates import Certificates

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""How late a switch is at the most when its notification was lost."""


def main(settings: Settings) -> int:
    """Serve until stopped."""
    return run("edge", settings, serve)


async def serve(settings: Settings, ready: Ready) -> None:
    """Keep responder and links right, for ever."""
    async with (
        Database.open(database_url(settings), connections=2) as database,
        Responder() as responder,
        _certificates(settings, database) as certificates,
    ):
        edge = _Edge(
            settings,
            PostgresReader(database),
            EdgeTable(responder, Sites(settings.sites_dir)),
            certificates,
        )
        with database.bell(PROJECTED, environments.MODEL.name) as bell:
            await edge.show()
            private_directory(settings.sockets_dir)
            await responder.start(settings.instances_socket)
            ready()
            while True:
                await bell.wait(POLL_SECONDS)
                try:
                    await edge.show()
                except (Unavailable, OSError) as problem:
                    log.warning("the routes stay as they are", reason=str(problem))


@asynccontextmanager
async def _certificates(settings: Settings, database: Database) -> "AsyncIterator[Certificates | None]":
    """The certificates; None where HTTPS is off, and then what only they need is not loaded either."""
    if settings.edge_tls is None:
        yield None
        return
    from adapters.eventlog import EventLog  # noqa: PLC0415 - see above
    from commands.handling import Handler  # noqa: PLC0415 - see above
    from services.certificates import Certificates  # noqa: PLC0415 - see above

    async with EventLog.open(database) as events:
        certificates = Certificates(settings, settings.edge_tls, Handler(events))
        try:
            yield certificates
        finally:
            await certificates.stop()


@dataclass(frozen=True)
class _Edge:
    """What the edge shows, from the read models."""

    settings: Settings
    reader: Reader
    table: EdgeTable
    certificates: "Certificates | None"

    async def show(self) -> None:
        """Bring the table, and the certificates, to what the read models say. Raises ``Unavailable`` and OSError."""
        domains = await custom_domains.routed(self.reader)
        shown = {one.environment_id: one for one in await environments.routes(self.reader)}
        # Labels come last: once a label is switched, nobody asks a former instance under any other name either.
        routes = [*self._domain_routes(domains, shown)]
        routes += [self._route(route, self._label(route)) for route in shown.values()]
        for refusal in self.table.apply(routes):
            log.error("a route is left out", reason=str(refusal))
        if self.certificates:
            self.certificates.mark({host for host in self.table.hosts() if _may_be_certified(host)})
            await self.certificates.look(domains)

    def _domain_routes(
        self, domains: Sequence[CustomDomainRow], shown: Mapping[EnvironmentId, environments.Route]
    ) -> Iterator[Route]:
        """A redirect to a host that redirects itself would never end: the application is shown instead."""
        redirecting = {one.hostname for one in domains if one.redirect}
        secured = self.certificates.secured(one.hostname for one in domains) if self.certificates else set()
        for one in domains:
            if one.redirect and one.redirect.to not in redirecting:
                yield self._redirect(one, one.redirect, secured)
            elif one.environment_id in shown:
                yield self._route(shown[one.environment_id], one.hostname)

    def _redirect(self, row: CustomDomainRow, redirect: Redirect, secured: set[str]) -> RedirectRoute:
        tls = self.settings.edge_tls if redirect.to in secured else None
        scheme, address, usual = ("https", tls, 443) if tls else ("http", self.settings.edge, 80)
        to = redirect.to if address.port == usual else f"{redirect.to}:{address.port}"
        return RedirectRoute(hostname=row.hostname, to=to, scheme=scheme, status=redirect.status)

    def _label(self, route: environments.Route) -> str:
        return f"{route.label}.{self.settings.apps_domain}"

    def _route(self, route: environments.Route, hostname: str) -> Route:
        if route.static:
            return StaticRoute(
                hostname=hostname,
                release_id=route.release_id,
                artifact=Artifacts(self.settings.artifacts_dir).path(route.artifact),
                fallback=route.spa_fallback,
            )
        upstreams = tuple(Upstream(host=one.host, port=one.port) for one in route.upstreams)
        return ServiceRoute(hostname=hostname, release_id=route.release_id, upstreams=upstreams)


def _may_be_certified(hostname: str) -> bool:
    """No authority signs for names that mean another machine everywhere."""
    return hostname.rpartition(".")[2] != "localhost"
