"""The read models, as their operator sees them."""

from datetime import datetime
from typing import Annotated

from adapters.growths import Phase
from adapters.http.native.wire.shapes import In, Out, said

Models = Annotated[tuple[str, ...], said("Read models by name; as `GET /operator/projections` names them.", "projects")]


class RebuildRequest(In):
    """Grow read models again from the log."""

    models: Models
    accept_differences: Annotated[bool, said("Replace live rows even by rows that differ from them.")] = False


class CancelRequest(In):
    """Stop rebuilds."""

    models: Models


class DifferenceOut(Out):
    """A row that the grown read model has otherwise than the live one. Values are not shown."""

    table: str
    row: Annotated[dict[str, str], said("The row's key.")]
    columns: Annotated[tuple[str, ...], said("The columns that differ.")]
    only: Annotated[str | None, said("`live` or `grown`, where the row stands there alone.")]


class GrowthOut(Out):
    """A rebuild, the one under way or the last one."""

    phase: Phase
    under_way: Annotated[bool, said("Whether somebody is at it. If not, the next rebuild goes on from here.")]
    position: int
    head: Annotated[int, said("So far it loads.")]
    facts_per_second: float
    seconds_left: float | None
    began_at: datetime
    updated_at: datetime
    reason: str | None
    differing: Annotated[int, said("So many rows differ from the live ones; `differences` are the first of them.")]
    differences: tuple[DifferenceOut, ...]


class StoppedOut(Out):
    """Why a read model does not go on, and the fact that it could not take."""

    position: int | None
    fact_id: str | None
    tag: str | None
    reason: str | None


class ProjectionOut(Out):
    """A read model, and how far it is behind the log, in facts."""

    model: str
    position: int
    behind: int
    stopped: StoppedOut | None
    growth: GrowthOut | None
