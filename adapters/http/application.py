"""The HTTP application: its routes, and what surrounds each of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State

from adapters.http import docs, health
from adapters.http.dispatch import UNDER_WAY
from adapters.http.entry import Entry
from adapters.http.errors import HANDLERS
from adapters.http.idempotency import UnderWay
from adapters.http.native import routes as native
from adapters.http.pages import Pages
from adapters.http.parts import Parts
from adapters.http.streams.serving import Streams
from adapters.http.watching import Watching

LARGEST_BODY = 1 << 20
WATCHING = "watching"


def create_app(parts: Parts) -> Litestar:
    """The application over ``parts``, which outlive it."""
    app = Litestar(
        route_handlers=[native.router(), *health.ROUTES, *docs.ROUTES],
        state=State({"parts": parts, UNDER_WAY: UnderWay()}),
        lifespan=[_live_readers],
        exception_handlers=HANDLERS,
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = Entry(app.asgi_handler, lambda: parts.progress.known)
    return app


@asynccontextmanager
async def _live_readers(app: Litestar) -> AsyncIterator[None]:
    parts: Parts = app.state["parts"]
    async with Watching.open(parts.reader, parts.lines, parts.told, parts.doorbell) as watching:
        app.state[WATCHING] = watching
        app.state["streams"] = Streams(watching, Pages(parts.lines))
        yield


def dismiss_readers(app: Litestar) -> None:
    """End all live streams, so that a server that stops need not wait for them; the readers come back later."""
    watching: Watching = app.state[WATCHING]
    watching.stop()
