"""``shipbook edge``: keeps the edge's table equal to what runs in the environments, and stores what Caddy logs.

The table comes from the read models, all of it whenever rows of environments have changed, and each second; instances
that have ended are left out.
Caddy's configuration never changes; while this process is away Caddy goes on with the last answers.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from adapters.artifacts import Artifacts
from adapters.database import PROJECTED, Database, Unavailable
from adapters.edge.responder import Responder, Upstream
from adapters.edge.sites import Sites
from adapters.edge.table import EdgeTable, RedirectRoute, Route, ServiceRoute, StaticRoute, StoppedRoute
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.reading import PostgresReader
from adapters.runtime.measurements import InstanceMeasurements, Place
from adapters.settings import Settings, private_directory
from domain.custom_domain import Redirect
from domain.identifiers import EnvironmentId, LogId
from projections import custom_domains, environments
from projections.custom_domains import CustomDomainRow
from projections.environments import Route as EnvironmentRoute
from projections.reading import Reader
from services.access_logging import AccessLogging
from services.embedded import database_url
from services.process import Ready, run

if TYPE_CHECKING:
    from services.certificates import Certificates

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""How late a switch is at the most when its notification was lost."""
LOOK_SECONDS = 0.4
"""How often it is asked which instances have ended."""


def main(settings: Settings) -> int:
    """Serve until stopped."""
    return run("edge", settings, serve)


async def serve(settings: Settings, ready: Ready) -> None:
    """Keep responder and links right, for ever."""
    async with (
        Database.open(database_url(settings), connections=4) as database,
        LineWriters.start(LineStore(database), _nobody_waits) as writers,
        Responder() as responder,
        _certificates(settings, database) as certificates,
        asyncio.TaskGroup() as tasks,
    ):
        edge = _Edge(
            settings,
            PostgresReader(database),
            EdgeTable(responder, Sites(settings.sites_dir)),
            certificates,
            InstanceMeasurements(database),
        )
        tasks.create_task(AccessLogging(settings.logs_dir, writers).run(), name="access logs")
        with database.bell(PROJECTED, environments.MODEL.name) as bell:
            await edge.show()
            private_directory(settings.sockets_dir)
            await responder.start(settings.instances_socket)
            ready()
            while True:
                rung = await bell.wait(LOOK_SECONDS)
                try:
                    await edge.look(rung=rung)
                except (Unavailable, OSError) as problem:
                    log.warning("the routes stay as they are", reason=str(problem))


def _nobody_waits(log_id: LogId) -> None:
    """Readers of access logs look by themselves, once a second, so that the edge needs nothing but the database."""


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


@dataclass
class _Edge:
    """What the edge shows, from the read models."""

    settings: Settings
    reader: Reader
    table: EdgeTable
    certificates: "Certificates | None"
    measurements: InstanceMeasurements
    _silent: frozenset[Place] = frozenset()
    """The instances that have ended."""
    _shown_at: float = 0.0

    async def look(self, *, rung: bool) -> None:
        """Show what is to be shown, where that may have changed. Raises ``Unavailable`` and OSError."""
        former, self._silent = self._silent, await self.measurements.silent()
        if rung or self._silent != former or monotonic() - self._shown_at >= POLL_SECONDS:
            await self.show()

    async def show(self) -> None:
        """Bring the table, and the certificates, to what the read models say. Raises ``Unavailable`` and OSError."""
        self._shown_at = monotonic()
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

    def _route(self, route: EnvironmentRoute, hostname: str) -> Route:
        release_id, environment_id = route.release_id, route.environment_id
        if route.stopped:
            return StoppedRoute(hostname, release_id, environment_id)
        if route.static:
            artifact = Artifacts(self.settings.artifacts_dir).path(route.artifact)
            return StaticRoute(hostname, release_id, artifact, route.spa_fallback, environment_id)
        return ServiceRoute(hostname, release_id, listening(route, self._silent), environment_id)


def listening(route: EnvironmentRoute, silent: Collection[Place]) -> tuple[Upstream, ...]:
    """The service's instances without the ``silent`` ones, unless all are."""
    places = [(route.release_id, route.launch, number) for number in range(len(route.upstreams))]
    left = [place for place in places if place not in silent] or places
    return tuple(
        Upstream(host=one.host, port=one.port)
        for one, place in zip(route.upstreams, places, strict=True)
        if place in left
    )


def _may_be_certified(hostname: str) -> bool:
    """No authority signs for names that mean another machine everywhere."""
    return hostname.rpartition(".")[2] != "localhost"
