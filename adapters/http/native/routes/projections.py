"""The read models, for operators: how far they are, and growing them again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from time import monotonic
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from adapters.growths import Growth
from adapters.http.dispatch import Answer, Call
from adapters.http.exchange import exchange_of
from adapters.http.identity import operators_only
from adapters.http.native.wire.projections import (
    CancelRequest,
    DifferenceOut,
    GrowthOut,
    ProjectionOut,
    RebuildRequest,
    StoppedOut,
)
from adapters.http.paging import Listing
from adapters.http.streams.feed import PING_SECONDS
from adapters.http.streams.framing import COMMENT, EVENTS, RETRY, event
from adapters.http.streams.serving import LONGEST_SECONDS
from adapters.http.watching import Watching
from adapters.operations import Standing

PROJECTIONS = "/operator/projections"
_BREATH_SECONDS = 0.2
"""Facts may come faster than people look."""


@get(PROJECTIONS, guards=[operators_only])
async def list_projections(
    request: Request[Any, Any, Any], call: NamedDependency[Call]
) -> Answer[Listing[ProjectionOut]]:
    """List read models.

    How far each is behind the log, at which fact it stopped, and how its rebuild goes. With
    `Accept: text/event-stream` the same again whenever it changes, an event each. For operators only.
    """
    if EVENTS in request.headers.get("accept", ""):
        exchange_of(request.scope).streaming = True
        kept = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream(_events(request, call), media_type=EVENTS, headers=kept)  # type: ignore[return-value]  # as good
    return call.shown(1, _listing(await call.parts.operations.standings()))


@post(PROJECTIONS, guards=[operators_only], status_code=202)
async def rebuild_projections(
    data: JSONBody[RebuildRequest], call: NamedDependency[Call]
) -> Answer[Listing[ProjectionOut]]:
    """Rebuild read models.

    The plane grows them again beside the live ones, from where a former rebuild came to. Rows that differ from
    the live ones take their place only with `acceptDifferences`. For operators only.
    """
    await call.parts.operations.ask(data.models, accept=data.accept_differences)
    return await _named(call, data.models)


@post(PROJECTIONS + "/cancel", guards=[operators_only], status_code=202)
async def cancel_rebuilds(data: JSONBody[CancelRequest], call: NamedDependency[Call]) -> Answer[Listing[ProjectionOut]]:
    """Cancel rebuilds.

    Whoever does them stops soon. What has grown is kept for a day: the next rebuild goes on from there. For
    operators only.
    """
    await call.parts.operations.cancel(data.models)
    return await _named(call, data.models)


async def _named(call: Call, models: Sequence[str]) -> Answer[Any]:
    found = await call.parts.operations.standings()
    return call.shown(1, _listing([one for one in found if one.model in models]), status=202)


def _listing(standings: Sequence[Standing]) -> Listing[ProjectionOut]:
    return Listing(items=[_shown(one) for one in standings], next_cursor=None)


def _shown(one: Standing) -> ProjectionOut:
    stopped = StoppedOut(position=one.stopped_at, fact_id=one.fact_id, tag=one.tag, reason=one.reason)
    return ProjectionOut(
        model=one.model,
        position=one.position,
        behind=one.behind,
        stopped=None if one.reason is None else stopped,
        growth=None if one.growth is None else _growth(one.growth, under_way=one.under_way),
    )


def _growth(growth: Growth, *, under_way: bool) -> GrowthOut:
    return GrowthOut(
        phase=growth.phase,
        under_way=under_way,
        position=growth.position,
        head=growth.head,
        facts_per_second=round(growth.facts_per_second, 1),
        seconds_left=None if growth.seconds_left is None else round(growth.seconds_left, 1),
        began_at=growth.began_at,
        updated_at=growth.updated_at,
        reason=growth.reason,
        differing=growth.differing,
        differences=tuple(
            DifferenceOut(table=one.table, row=one.row, columns=one.columns, only=one.only)
            for one in growth.differences
        ),
    )


async def _events(request: Request[Any, Any, Any], call: Call) -> AsyncIterator[bytes]:
    """Each state once; ends when the process stops, or when it lasted long enough."""
    watching: Watching = request.app.state["watching"]
    began = spoken = monotonic()
    told = b""
    yield RETRY
    async with aclosing(call.parts.operations.changes()) as changes:
        async for standings in changes:
            now = monotonic()
            if watching.stopping or now - began > LONGEST_SECONDS:
                return
            body = msgspec.json.encode(_listing(standings))
            if body != told:
                told, spoken = body, now
                yield event(body)
            elif now - spoken > PING_SECONDS:
                spoken = now
                yield COMMENT
            await asyncio.sleep(_BREATH_SECONDS)


ROUTES = [list_projections, rebuild_projections, cancel_rebuilds]
