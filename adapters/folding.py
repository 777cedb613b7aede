"""Many facts folded to one change a row, and the statements that make these changes."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Self

import msgspec
from msgspec.structs import asdict, replace
from psycopg import sql

from adapters import tables
from domain.fact import Fact, tag_of
from domain.history import Recorded
from projections.changes import Change, Put, ReadModel, Remove, Row, Table

Statement = tuple[bytes, str]
"""SQL with one placeholder, and the JSON array of rows that goes there."""

_Folded = dict[Any, Row | dict[str, object] | None]
"""By key: the whole row, or some columns of it, or None where no row shall stand."""


class UnprojectableFact(Exception):
    """A projection raised at the fact at ``position``."""

    def __init__(self, model: str, position: int, why: str) -> None:
        super().__init__(why)
        self.model = model
        self.position = position

    @classmethod
    def at(cls, recorded: Recorded, model: str, problem: Exception) -> Self:
        """What became of this fact in this read model."""
        why = (
            f"The read model {model} cannot take {tag_of(recorded.fact)} at position {recorded.position}"
            f" ({recorded.id}): {type(problem).__name__}: {problem}"
        )
        return cls(model, recorded.position, why)


class Folding:
    """What the facts after ``position`` change in one generation of a read model."""

    def __init__(self, model: ReadModel, position: int) -> None:
        self.model = model
        self.former = position
        self.position = position
        self._tables: dict[Table[Any], _Folded] = {table: {} for table in model.tables}

    def take(self, recorded: Recorded) -> None:
        """Fold one fact, unless it was counted already. Raises ``UnprojectableFact``."""
        if recorded.position <= self.former:
            return
        try:
            for change in self.model.project(recorded):
                _fold(self._tables[change.table], change)
        except Exception as problem:  # whatever it is, only this read model cannot go on
            raise UnprojectableFact.at(recorded, self.model.name, problem) from problem

    def changed(self) -> list[Any]:
        """The keys of the rows that change in the first table."""
        return list(self._tables[self.model.tables[0]])

    def rows(self) -> Iterator[tuple[Table[Any], list[Row]]]:
        """Whole rows, by table."""
        for table, folded in self._tables.items():
            if rows := [row for row in folded.values() if isinstance(row, Row)]:
                yield table, rows

    def remainder(self, schema: str) -> Iterator[Statement]:
        """The statements for all but the whole rows."""
        for table, folded in self._tables.items():
            yield from _patches(schema, table, folded)
            if removed := [_keyed(table, key) for key, row in folded.items() if row is None]:
                yield _removal(schema, table), _json(removed)

    def statements(self, schema: str) -> Iterator[Statement]:
        """The statements that make all changes, in any order."""
        for table, rows in self.rows():
            yield upsert(schema, table, rows)
        yield from self.remainder(schema)


def fold(foldings: Sequence[Folding], facts: Sequence[Recorded], passed: int = 0) -> None:
    """Fold facts that follow one another, each where it is taken; then all have passed them, and ``passed``.

    Raises ``UnprojectableFact``; what was folded is then of no use.
    """
    taking: dict[type[Fact], list[Folding]] = {}
    for recorded in facts:
        fact = type(recorded.fact)
        takers = taking.get(fact)
        if takers is None:
            takers = taking[fact] = [folding for folding in foldings if folding.model.is_about(fact)]
        for folding in takers:
            folding.take(recorded)
    reached = max(passed, facts[-1].position if facts else 0)
    for folding in foldings:
        folding.position = max(folding.position, reached)


def _fold(folded: _Folded, change: Change) -> None:
    # Not by ``match``, which takes half a microsecond a fact longer.
    if isinstance(change, Put):
        folded[change.table.key_of(change.row)] = change.row
    elif isinstance(change, Remove):
        folded[change.key] = None
    else:
        former = folded.get(change.key, {})
        if isinstance(former, Row):
            folded[change.key] = replace(former, **change.fields)
        elif former is not None:
            folded[change.key] = {**former, **change.fields}


def _patches(schema: str, table: Table[Any], folded: _Folded) -> Iterator[Statement]:
    by_columns: dict[tuple[str, ...], list[dict[str, object]]] = {}
    for key, fields in folded.items():
        if isinstance(fields, dict):
            by_columns.setdefault(tuple(sorted(fields)), []).append(fields | _keyed(table, key))
    for columns, rows in by_columns.items():
        yield _update(schema, table, columns), _json(rows)


def _keyed(table: Table[Any], key: Any) -> dict[str, object]:
    return {table.key[0]: key} if len(table.key) == 1 else dict(zip(table.key, key, strict=True))


def _json(rows: Sequence[object]) -> str:
    return tables.without_nul(msgspec.json.encode(rows)).decode()


def upsert(schema: str, table: Table[Any], rows: Sequence[Row]) -> Statement:
    """The statement by which whole rows stand in the table."""
    return _upsert(schema, table), _json([asdict(row) for row in rows])


@cache
def _upsert(schema: str, table: Table[Any]) -> bytes:
    columns = table.row.__struct_fields__
    others = tuple(column for column in columns if column not in table.key)
    return (
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ({}) DO UPDATE SET {}")
        .format(
            tables.name(schema, table),
            tables.names(columns),
            tables.names(columns),
            _given(schema, table),
            tables.names(table.key),
            _assignments(others, "excluded"),
        )
        .as_bytes()
    )


@cache
def _update(schema: str, table: Table[Any], columns: tuple[str, ...]) -> bytes:
    return (
        sql.SQL("UPDATE {} AS old SET {} FROM {} AS new WHERE {}")
        .format(tables.name(schema, table), _assignments(columns, "new"), _given(schema, table), _same_key(table))
        .as_bytes()
    )


@cache
def _removal(schema: str, table: Table[Any]) -> bytes:
    return (
        sql.SQL("DELETE FROM {} AS old USING {} AS new WHERE {}")
        .format(tables.name(schema, table), _given(schema, table), _same_key(table))
        .as_bytes()
    )


def _given(schema: str, table: Table[Any]) -> sql.Composed:
    return sql.SQL("json_populate_recordset(NULL::{}, %s)").format(tables.name(schema, table))


def _assignments(columns: tuple[str, ...], source: str) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier(source, column)) for column in columns
    )


def _same_key(table: Table[Any]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("old", column), sql.Identifier("new", column)) for column in table.key
    )
