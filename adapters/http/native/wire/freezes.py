"""Freeze windows."""

from datetime import datetime
from typing import Annotated

from msgspec import field

from adapters.http.native.wire.shapes import In, Name, Out, said
from domain.freeze import Day, FreezeKind
from domain.identifiers import EnvironmentId, FreezeWindowId, ProjectId

From = Annotated[str, said("A time, or with days a time of day.", "2030-12-20T18:00:00Z", "18:00")]
Until = Annotated[str, said("A later time, or with days a time of day.", "2031-01-02T08:00:00Z", "08:00")]


class FreezeWindowCreation(In, kw_only=True):
    """Freeze deployments, or allow them, at some time: once, or each week where ``days`` are named."""

    name: Name
    kind: Annotated[FreezeKind, said("deny forbids deployments while it lasts, allow forbids them at other times.")] = (
        FreezeKind.DENY
    )
    project_id: Annotated[ProjectId | None, said("Only of this project.")] = None
    environment_id: Annotated[EnvironmentId | None, said("Only to this environment of the project.")] = None
    begins: From = field(name="from")
    until: Until
    days: Annotated[tuple[Day, ...] | None, said("Each week on these days.")] = None
    timezone: Annotated[str, said("On whose clocks, where days are named.", "Europe/Berlin")] = "UTC"


class FreezeWindowOut(Out, kw_only=True):
    """A freeze window, and when it lasts: now, or the next time."""

    id: FreezeWindowId
    name: str
    kind: FreezeKind
    project_id: ProjectId | None
    environment_id: EnvironmentId | None
    begins: str = field(name="from")
    until: str
    days: list[Day] | None
    timezone: str | None
    active: Annotated[bool, said("Whether it lasts at this moment.")]
    next_from: datetime | None
    next_until: datetime | None
    created_by: str
    created_at: datetime
