"""``shipbook edge``: keeps the edge's table equal to the environments' active releases.

The table comes from the read models alone: all of it whenever rows of environments have changed. Caddy's configuration
never changes; while this process is away Caddy goes on with the last answers.
"""

import structlog

from adapters.artifacts import Artifacts
from adapters.database import PROJECTED, Database, Unavailable
from adapters.edge.responder import Responder, Upstream
from adapters.edge.sites import Sites
from adapters.edge.table import EdgeTable, Route, ServiceRoute, StaticRoute
from adapters.reading import PostgresReader
from adapters.settings import Settings, private_directory
from projections import environments
from projections.reading import Reader
from services.embedded import database_url
from services.process import Ready, run

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""How late a switch is at the most when its notification was lost."""


def main(settings: Settings) -> int:
    """Serve until stopped."""
    return run("edge", settings, serve)


async def serve(settings: Settings, ready: Ready) -> None:
    """Keep responder and links right, for ever."""
    async with Database.open(database_url(settings), connections=2) as database, Responder() as responder:
        reader, table = PostgresReader(database), EdgeTable(responder, Sites(settings.sites_dir))
        with database.bell(PROJECTED, environments.MODEL.name) as bell:
            _show(table, await _routes(settings, reader))
            private_directory(settings.sockets_dir)
            await responder.start(settings.instances_socket)
            ready()
            while True:
                await bell.wait(POLL_SECONDS)
                try:
                    _show(table, await _routes(settings, reader))
                except (Unavailable, OSError) as problem:
                    log.warning("the routes stay as they are", reason=str(problem))


def _show(table: EdgeTable, routes: list[Route]) -> None:
    for refusal in table.apply(routes):
        log.error("a route is left out", reason=str(refusal))


async def _routes(settings: Settings, reader: Reader) -> list[Route]:
    artifacts = Artifacts(settings.artifacts_dir)
    return [_route(settings, artifacts, route) for route in await environments.routes(reader)]


def _route(settings: Settings, artifacts: Artifacts, route: environments.Route) -> Route:
    hostname = f"{route.label}.{settings.apps_domain}"
    if route.static:
        return StaticRoute(
            hostname=hostname,
            release_id=route.release_id,
            artifact=artifacts.path(route.artifact),
            fallback=route.spa_fallback,
        )
    upstreams = tuple(Upstream(host=one.host, port=one.port) for one in route.upstreams)
    return ServiceRoute(hostname=hostname, release_id=route.release_id, upstreams=upstreams)
