"""Freeze windows, as their list shows them."""

from collections.abc import Sequence
from datetime import datetime

from domain.freeze import Event, FreezeWindow, FreezeWindowAdded, FreezeWindowRemoved
from domain.history import Recorded
from domain.identifiers import FreezeWindowId, TenantId
from projections.changes import Change, Put, ReadModel, Remove, Row, Table
from projections.reading import Reader, Selection, every


class FreezeWindowRow(Row):
    """A freeze window."""

    id: FreezeWindowId
    tenant_id: TenantId
    window: FreezeWindow
    created_at: datetime
    created_by: str


FREEZES = Table("windows", FreezeWindowRow, key=("id",), indexes=(("tenant_id", "created_at"),))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of windows."""
    match recorded.fact:
        case FreezeWindowAdded() as fact:
            return [Put(FREEZES, _added(fact, recorded))]
        case FreezeWindowRemoved() as fact:
            return [Remove(FREEZES, fact.window_id)]
        case _:
            return []


def _added(fact: FreezeWindowAdded, recorded: Recorded) -> FreezeWindowRow:
    return FreezeWindowRow(
        id=fact.window.window_id,
        tenant_id=recorded.context.tenant_id,
        window=fact.window,
        created_at=recorded.context.at,
        created_by=recorded.context.actor.name,
    )


MODEL = ReadModel("freezes", [FREEZES], project, Event)


async def find(reader: Reader, tenant: TenantId, window_id: FreezeWindowId) -> FreezeWindowRow | None:
    """One window."""
    return await reader.one(FREEZES, {"tenant_id": tenant, "id": window_id})


async def listing(reader: Reader, tenant: TenantId) -> list[FreezeWindowRow]:
    """The workspace's windows, the oldest first."""
    return await every(reader, FREEZES, Selection(equal={"tenant_id": tenant}, order_by="created_at"))
