"""The shadow diff: a grown generation against the live one, row by row and byte by byte, within PostgreSQL."""

from typing import Any, NamedTuple

from psycopg import AsyncConnection, sql

from adapters import tables
from adapters.growths import Difference
from adapters.readmodels import growing, live
from projections.changes import ReadModel, Table

SHOWN = 20
"""So many differing rows of a table are told."""


class Comparison(NamedTuple):
    """How many rows differ, and the first of them."""

    differing: int
    differences: list[Difference]


async def compare(connection: AsyncConnection, model: ReadModel) -> Comparison:
    """What differs between the two generations of ``model``, as the connection's transaction sees them.

    The server's further processes are left to those who read meanwhile.
    """
    await connection.execute("SET LOCAL max_parallel_workers_per_gather TO 0")
    differing, differences = 0, list[Difference]()
    for table in model.tables:
        cursor = await connection.execute(_differing(model.name, table))
        rows = await cursor.fetchall()
        differing += rows[0][0] if rows else 0
        differences += [
            Difference(table=table.name, row=row, columns=tuple(columns), only=only) for _, row, columns, only in rows
        ]
    return Comparison(differing, differences)


def _differing(model: str, table: Table[Any]) -> sql.Composed:
    """Rows that stand in one generation alone, or whose images differ (``*<>``: not one byte is forgiven)."""
    columns = [column for column in table.row.__struct_fields__ if column not in table.key]
    return sql.SQL(
        "SELECT count(*) OVER (), jsonb_build_object({keys}),"
        " CASE WHEN old.{first} IS NULL OR new.{first} IS NULL THEN '{{}}'"
        " ELSE array_remove(ARRAY[{columns}], NULL) END,"
        " CASE WHEN new.{first} IS NULL THEN 'live' WHEN old.{first} IS NULL THEN 'grown' END"
        " FROM {old} AS old FULL JOIN {new} AS new ON {same}"
        " WHERE old.{first} IS NULL OR new.{first} IS NULL OR old.* OPERATOR(pg_catalog.*<>) new.* LIMIT {shown}"
    ).format(
        first=sql.Identifier(table.key[0]),
        keys=sql.SQL(", ").join(
            sql.SQL("{}::text, coalesce(old.{}, new.{})::text").format(column, name, name)
            for column, name in ((sql.Literal(column), sql.Identifier(column)) for column in table.key)
        ),
        columns=sql.SQL(", ").join(
            sql.SQL("CASE WHEN old.{}::text IS DISTINCT FROM new.{}::text THEN {}::text END").format(
                sql.Identifier(column), sql.Identifier(column), sql.Literal(column)
            )
            for column in columns
        ),
        old=tables.name(live(model), table),
        new=tables.name(growing(model), table),
        same=sql.SQL(" AND ").join(
            sql.SQL("old.{} = new.{}").format(sql.Identifier(column), sql.Identifier(column)) for column in table.key
        ),
        shown=sql.Literal(SHOWN),
    )
