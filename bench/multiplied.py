"""Read models as large as a long log would have made them, where they have only taken its first part.

What is made again and again while a workspace is used (deployments, their events and steps, releases, entries of the
audit trail) is put behind itself in turns, each later and with ids and positions of its own: so the tables, their
indexes and the planner's statistics have the size and the order that they would have. What a workspace has once stays.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg import sql

from adapters import readmodels, tables
from projections.audit_trail import AUDIT_TRAIL
from projections.changes import Table
from projections.deployments import DEPLOYMENTS, EVENTS, STEPS
from projections.environments import ARTIFACTS
from projections.lines import LOGS
from projections.releases import RELEASES

_GROWING: Mapping[Table[Any], str] = {
    AUDIT_TRAIL: "audit_trail",
    EVENTS: "deployments",
    DEPLOYMENTS: "deployments",
    STEPS: "deployments",
    RELEASES: "releases",
    ARTIFACTS: "environments",
    LOGS: "lines",
}
"""The tables, the largest first, and their read models."""
_LANES = 2
_TICK = "interval '65.536 s'"
"""What the first eight digits of a UUID of version 7 count."""

_ID = (
    "left({0}, -36) || lpad(to_hex(('x' || left(right({0}, 36), 8))::bit(32)::int8 + %(ticks)s), 8, '0')"
    " || right({0}, 28)"
)
_LATER = dict.fromkeys(("id", "deployment_id", "release_id", "log_id"), _ID) | {
    "subject": f"CASE WHEN subject ~ '^(deployment|release|log)-' THEN {_ID} ELSE subject END",
    "position": "position + %(facts)s",
    "number": "number + %(turn)s * last",
    "ref": "'DEP-' || to_char(number + %(turn)s * last, 'FM0000')",
}
"""By column, its value in a later turn; times go on as well, and all else stays."""


def multiply(url: str, begun: int, first: int, head: int) -> None:
    """Let the read models, which have taken a log's ``first`` facts, be as those of a log of ``head`` facts.

    The facts up to ``begun`` happen once. The tables get as large as a whole number of turns makes them, and the read
    models go on behind ``head``.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        ticks, each = _ticks(connection), first - begun
        turns = [
            {"turn": turn, "ticks": turn * ticks, "facts": turn * each} for turn in range(1, (head - begun) // each)
        ]
        with ThreadPoolExecutor(_LANES) as lanes:
            list(lanes.map(lambda table: _multiply(url, table, begun, turns), _GROWING))
        connection.execute("UPDATE read_models.checkpoints SET position = %s", [head])


def _multiply(url: str, table: Table[Any], begun: int, turns: Sequence[Mapping[str, int]]) -> None:
    schema, names = readmodels.live(_GROWING[table]), _names(table)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit TO off")
        connection.execute("SET maintenance_work_mem TO '256MB'")
        _drop_indexes(connection, schema, table)
        last = sql.SQL(", max(number) OVER (PARTITION BY tenant_id) AS last" if "number" in names else "")
        again = sql.SQL("WHERE position > {}" if "position" in names else "").format(begun)
        connection.execute(
            sql.SQL("CREATE TEMP TABLE first AS SELECT *{} FROM {} {} ORDER BY {}").format(
                last, tables.name(schema, table), again, tables.names(table.key)
            )
        )
        for turn in turns:
            connection.execute(_later(schema, table), turn)
        for statement in tables.create_indexes(schema, table):
            connection.execute(statement)
        connection.execute(sql.SQL("ANALYZE {}").format(tables.name(schema, table)))


def _ticks(connection: psycopg.Connection) -> int:
    """How long a turn takes."""
    trail = tables.name(readmodels.live("audit_trail"), AUDIT_TRAIL)
    found = connection.execute(
        sql.SQL("SELECT ceil(extract(epoch FROM max(at) - min(at)) / 65.536)::int8 FROM {}").format(trail)
    ).fetchone()
    assert found
    return int(found[0])


def _names(table: Table[Any]) -> tuple[str, ...]:
    return tuple(column.name for column in tables.columns(table.row))


def _later(schema: str, table: Table[Any]) -> sql.Composed:
    values = [
        sql.SQL(_LATER[column.name].format(column.name))
        if column.name in _LATER
        else sql.SQL("{} + %(ticks)s * {}").format(sql.Identifier(column.name), sql.SQL(_TICK))
        if column.type == "timestamptz"
        else sql.Identifier(column.name)
        for column in tables.columns(table.row)
    ]
    return sql.SQL("INSERT INTO {} ({}) SELECT {} FROM first").format(
        tables.name(schema, table), tables.names(_names(table)), sql.SQL(", ").join(values)
    )


def _drop_indexes(connection: psycopg.Connection, schema: str, table: Table[Any]) -> None:
    for number, _ in enumerate(table.indexes, 1):
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, f"{table.name}_{number}")))
