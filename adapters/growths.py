"""How far each growth of a read model is: kept beside its checkpoint, so that every process can tell it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

import domain
import projections
from adapters.database import PROJECTED
from domain.fact import Value


class Phase(StrEnum):
    """What a growth is at, or how it ended."""

    WANTED = "wanted"
    LOADING = "loading"
    INDEXING = "indexing"
    COMPARING = "comparing"
    DIFFERENT = "different"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"


ENDS = frozenset({Phase.DIFFERENT, Phase.CANCELLED, Phase.FAILED, Phase.DONE})


class Difference(Value):
    """A row that is not the same in the live generation and the grown one. ``row`` is its key.

    ``columns`` are those that differ, without their values; none where the row stands in one generation alone.
    """

    table: str
    row: dict[str, str]
    columns: tuple[str, ...] = ()
    only: str | None = None
    """``live`` or ``grown``, where the row stands in one generation alone."""


class Growth(Value):
    """How far a growth is. ``position`` and ``head`` count facts; times are in seconds."""

    model: str
    began_at: datetime
    updated_at: datetime
    phase: Phase = Phase.LOADING
    position: int = 0
    head: int = 0
    began_position: int = 0
    reason: str | None = None
    differing: int = 0
    """So many rows differ from the live ones; ``differences`` are the first of them."""
    differences: tuple[Difference, ...] = ()
    accept: bool = False
    """The grown rows take the live ones' place even where they differ."""
    asked: bool = False
    """Whoever leads the projector shall do it."""
    cancelled: bool = False
    code: str = ""

    @property
    def facts_per_second(self) -> float:
        """The speed since it began, or went on."""
        seconds = (self.updated_at - self.began_at).total_seconds()
        return (self.position - self.began_position) / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it will still load at this speed; None where that is not known."""
        return (self.head - self.position) / self.facts_per_second if self.facts_per_second else None


TABLE = """
CREATE TABLE IF NOT EXISTS read_models.growths (
    model text PRIMARY KEY,
    phase text NOT NULL,
    position int8 NOT NULL DEFAULT 0,
    head int8 NOT NULL DEFAULT 0,
    began_position int8 NOT NULL DEFAULT 0,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text,
    differing int8 NOT NULL DEFAULT 0,
    differences jsonb NOT NULL DEFAULT '[]',
    accept bool NOT NULL DEFAULT false,
    asked bool NOT NULL DEFAULT false,
    cancelled bool NOT NULL DEFAULT false,
    code text NOT NULL DEFAULT ''
)
"""


async def growths(connection: AsyncConnection) -> dict[str, Growth]:
    """Every growth that is under way or whose end is still told, by its read model."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM read_models.growths")
        return {row["model"]: msgspec.convert(row, Growth) for row in await cursor.fetchall()}


async def ask(connection: AsyncConnection, models: Sequence[str], *, accept: bool) -> None:
    """Let whoever leads the projector grow these read models; those that are under way go on."""
    await connection.execute(
        "INSERT INTO read_models.growths (model, phase, accept, asked)"
        " SELECT model, 'wanted', %s, true FROM unnest(%s::text[]) AS model"
        " ON CONFLICT (model) DO UPDATE SET phase = 'wanted', accept = excluded.accept, asked = true,"
        " cancelled = false, reason = NULL, updated_at = clock_timestamp()",
        [accept, list(models)],
    )
    await _ring(connection)


async def cancel(connection: AsyncConnection, models: Sequence[str]) -> list[str]:
    """Ask those who grow these read models to stop; the models of which there was a growth to stop."""
    cursor = await connection.execute(
        "UPDATE read_models.growths SET cancelled = true, updated_at = clock_timestamp(),"
        " phase = CASE phase WHEN 'wanted' THEN 'cancelled' ELSE phase END"
        " WHERE model = ANY(%s) AND phase <> ALL(%s) RETURNING model",
        [list(models), list(ENDS)],
    )
    found = [model for (model,) in await cursor.fetchall()]
    await _ring(connection)
    return found


async def begin(connection: AsyncConnection, model: str, position: int, *, accept: bool) -> None:
    """Note that a growth begins, or goes on from ``position``."""
    await connection.execute(
        "INSERT INTO read_models.growths (model, phase, position, began_position, accept, code)"
        " VALUES (%(model)s, 'loading', %(position)s, %(position)s, %(accept)s, %(code)s)"
        " ON CONFLICT (model) DO UPDATE SET phase = 'loading', position = %(position)s,"
        " began_position = %(position)s, began_at = clock_timestamp(), updated_at = clock_timestamp(),"
        " reason = NULL, differing = 0, differences = '[]', accept = %(accept)s, cancelled = false, code = %(code)s",
        {"model": model, "position": position, "accept": accept, "code": code()},
    )
    await _ring(connection)


async def move(connection: AsyncConnection, models: Sequence[str], phase: Phase, position: int, head: int) -> list[str]:
    """Note how far growths are; the models of which somebody asked to stop."""
    cursor = await connection.execute(
        "UPDATE read_models.growths SET phase = %s, position = greatest(position, %s), head = %s,"
        " updated_at = clock_timestamp() WHERE model = ANY(%s) RETURNING model, cancelled",
        [phase, position, head, list(models)],
    )
    found = await cursor.fetchall()
    await _ring(connection)
    return [model for model, cancelled in found if cancelled]


async def end(
    connection: AsyncConnection,
    models: Sequence[str],
    phase: Phase,
    reason: str | None = None,
    differing: int = 0,
    differences: Sequence[Difference] = (),
) -> None:
    """Note how growths ended."""
    await connection.execute(
        "UPDATE read_models.growths SET phase = %s, reason = %s, differing = %s, differences = %s::jsonb,"
        " asked = false, updated_at = clock_timestamp() WHERE model = ANY(%s)",
        [phase, reason, differing, msgspec.json.encode(differences).decode(), list(models)],
    )
    await _ring(connection)


async def _ring(connection: AsyncConnection) -> None:
    await connection.execute("SELECT pg_notify(%s, '0')", [PROJECTED])


def code() -> str:
    """A digest of the code that makes rows of facts; what other code has grown is not gone on with."""
    return _digest(domain, projections)


def _digest(*packages: ModuleType) -> str:
    files = sorted(file for package in packages for place in package.__path__ for file in Path(place).glob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def now() -> datetime:
    """The time, as growths note it."""
    return datetime.now(UTC)
