"""Whether everything serves, and what it is doing: for load balancers, people and Prometheus."""

import asyncio
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get
from prometheus_client import Gauge

from adapters.database import Unavailable
from adapters.http.errors import Answer, encoded
from adapters.http.exchange import exchange_of
from adapters.http.identity import parts_of
from adapters.http.parts import Health, Parts
from adapters.metrics import MEDIA_TYPE, gathered
from domain.deployment import Status
from projections import deployments

ASK_SECONDS = 2.0

PROCESS = "api"
"""The name of the process that answers, as its metrics say it."""

OPEN_DEPLOYMENTS = Gauge("shipbook_deployments_open", "Deployments that have not ended.", ("status",))
LOG_POSITION = Gauge("shipbook_event_log_position", "The position of the last fact.")
PROJECTION_LAG = Gauge("shipbook_projection_lag", "Facts that the read models of this process have not passed yet.")


class Links(msgspec.Struct, frozen=True):
    """Where to go on."""

    name: str = "Shipbook"
    docs: str = "/docs"
    openapi: str = "/openapi.json"
    health: str = "/health"
    ready: str = "/ready"
    metrics: str = "/metrics"


class PartsHealth(msgspec.Struct, frozen=True):
    """How every part is."""

    status: Literal["ok", "degraded", "down"]
    parts: list[Health]


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Requests are served. What is ``degraded`` makes something late or less, as ``GET /health`` says."""

    status: Literal["ready"]
    degraded: list[str] = []


@get("/")
async def links() -> Links:
    """Where to go on."""
    return Links()


@get("/health")
async def health(request: Request[Any, Any, Any]) -> PartsHealth:
    """How every part is."""
    parts = await _asked(parts_of(request))
    return PartsHealth(status=_worst(parts), parts=parts)


@get("/ready")
async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """200 when everything serves, with the names of what is degraded; else 503 with the names of what does not."""
    parts = await _asked(parts_of(request))
    down = [part for part in parts if part.state == "down"]
    if not down:
        readiness = Readiness("ready", [part.name for part in parts if part.state == "degraded"])
        return Response(msgspec.json.encode(readiness), media_type="application/json")
    said = "; ".join(f"{part.name}: {part.message or 'does not serve'}" for part in down)
    answer = Answer(status=503, code="not_ready", message=f"Not everything serves yet. {said}")
    body = encoded(answer, exchange_of(request.scope).request_id)
    return Response(body, status_code=503, headers={"Retry-After": "1"}, media_type="application/json")


@get("/metrics")
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Metrics for Prometheus, of every process on this machine that answers.

    Those from the database are as they were last where it does not answer in time.
    """
    parts = parts_of(request)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await _measure(parts)
    except (TimeoutError, Unavailable):
        pass
    return Response(await gathered(parts.settings.sockets_dir, PROCESS), media_type=MEDIA_TYPE)


async def _asked(parts: Parts) -> list[Health]:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return [*await parts.probe()]
    except TimeoutError:
        return [Health(name="probe", state="down", message=f"no answer within {ASK_SECONDS:g} seconds")]


async def _measure(parts: Parts) -> None:
    for status in (Status.WAITING, Status.QUEUED, Status.RUNNING):
        OPEN_DEPLOYMENTS.labels(status).set(await deployments.count_by_status(parts.reader, status))
    head = await parts.log.head()
    LOG_POSITION.set(head)
    PROJECTION_LAG.set(max(0, head - parts.progress.known))


def _worst(parts: list[Health]) -> Literal["ok", "degraded", "down"]:
    states = {part.state for part in parts}
    return "down" if "down" in states else "degraded" if "degraded" in states else "ok"


ROUTES = [links, health, ready, metrics]
