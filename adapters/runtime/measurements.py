"""How each instance was when its machine last looked at it. This is no history, and no fact: it may be lost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from adapters.database import Database
from domain.identifiers import EnvironmentId, ReleaseId

FRESH_SECONDS = 15
"""What is older tells nothing of this moment: the executor that measured it is away."""

State = Literal["starting", "running", "restarting", "stopped", "lost"]

Place = tuple[ReleaseId, int, int]
"""Which instance it is: of which release, of which launch, with which number."""


class MeasuredInstance(msgspec.Struct, frozen=True, kw_only=True):
    """An instance at the time ``at``. ``cpus`` are processors in use, on the average since the measurement before;
    ``memory_bytes`` is what it could not give back. ``launch`` and ``number`` say which one it is of its release."""

    instance_id: str
    environment_id: EnvironmentId
    release_id: ReleaseId
    launch: int
    number: int
    state: State
    host: str
    port: int
    started_at: datetime
    restarts: int
    exit_code: int | None
    cpus: float | None
    memory_bytes: int | None
    at: datetime


_COLUMNS = len(MeasuredInstance.__struct_fields__) - 1
"""That are kept; the time is the database's."""


class InstanceMeasurements:
    """The last measurement of each instance. Every method raises ``Unavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, measured: Sequence[MeasuredInstance], gone: Sequence[str] = ()) -> None:
        """Keep these in place of the former ones, and forget those that are ``gone`` and those that nobody renews."""
        rows = [msgspec.structs.astuple(one)[:-1] for one in measured]
        columns = [[row[place] for row in rows] for place in range(_COLUMNS)]
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(
                "DELETE FROM measured.instances WHERE instance_id = ANY(%s) OR at < now() - interval '1 minute'",
                [list(gone)],
            )
            await connection.execute(
                "INSERT INTO measured.instances SELECT *, now() FROM unnest(%s::text[], %s::text[], %s::text[],"
                " %s::integer[], %s::integer[], %s::text[], %s::text[], %s::integer[], %s::timestamptz[],"
                " %s::integer[], %s::integer[], %s::float8[], %s::bigint[])"
                " ON CONFLICT (instance_id) DO UPDATE SET state = excluded.state, host = excluded.host,"
                " port = excluded.port, started_at = excluded.started_at, restarts = excluded.restarts,"
                " exit_code = excluded.exit_code, cpus = excluded.cpus, memory_bytes = excluded.memory_bytes,"
                " at = excluded.at",
                columns,
            )

    async def of(self, environment_id: EnvironmentId) -> Sequence[MeasuredInstance]:
        """Those of an environment that were measured lately, in the order in which they were started."""
        rows = await self._database.fetch(
            "SELECT instance_id, environment_id, release_id, launch, number, state, host, port, started_at, restarts,"
            " exit_code, cpus, memory_bytes, at FROM measured.instances"
            " WHERE environment_id = %s AND at > now() - make_interval(secs => %s)"
            " ORDER BY launch, release_id, number",
            [environment_id, FRESH_SECONDS],
        )
        names = MeasuredInstance.__struct_fields__
        return [MeasuredInstance(**dict(zip(names, row, strict=True))) for row in rows]

    async def silent(self) -> frozenset[Place]:
        """The instances of the whole plane that answer nothing, as they have ended."""
        rows = await self._database.fetch(
            "SELECT release_id, launch, number FROM measured.instances"
            " WHERE state IN ('restarting', 'stopped', 'lost') AND at > now() - make_interval(secs => %s)",
            [FRESH_SECONDS],
        )
        return frozenset((ReleaseId(release_id), launch, number) for release_id, launch, number in rows)
