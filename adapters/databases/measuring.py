"""How big and how well each managed database was when its machine last asked it. This is no history, and no fact."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from adapters.database import Database
from adapters.databases.engine import Measurement
from domain.identifiers import DatabaseId


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer; ``problem`` says why there was none, and the size is then that of the last one that came."""

    at: datetime
    size_bytes: int | None
    connections: int | None
    problem: str | None


class Measurements:
    """The last measurement of each database. Every method raises ``Unavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, database_id: DatabaseId, measurement: Measurement | None, problem: str | None = None) -> None:
        """Keep a measurement in place of the former one, or why there is none."""
        size, connections = (measurement.size_bytes, measurement.connections) if measurement else (None, None)
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO measured.databases AS known VALUES (%s, now(), %s, %s, %s) ON CONFLICT (database_id)"
                " DO UPDATE SET at = excluded.at, size_bytes = coalesce(excluded.size_bytes, known.size_bytes),"
                " connections = excluded.connections, problem = excluded.problem",
                [database_id, size, connections, problem],
            )

    async def forget(self, database_id: DatabaseId) -> None:
        """Forget what was measured of a database that is gone."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM measured.databases WHERE database_id = %s", [database_id])

    async def of(self, databases: Sequence[DatabaseId]) -> Mapping[DatabaseId, Measured]:
        """The last measurement of each that has one."""
        rows = await self._database.fetch(
            "SELECT database_id, at, size_bytes, connections, problem FROM measured.databases"
            " WHERE database_id = ANY(%s)",
            [list(databases)],
        )
        return {
            DatabaseId(row[0]): Measured(at=row[1], size_bytes=row[2], connections=row[3], problem=row[4])
            for row in rows
        }
