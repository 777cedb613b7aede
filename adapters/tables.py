"""A read model's tables as PostgreSQL sees them: everything is derived from the row structs."""

import re
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import inspect
from psycopg import sql

from adapters.walls import READER, SETTING
from domain.fact import Value
from projections.changes import ReadModel, Row, Table

WALLS = 1
"""Which walls a generation has; with others the models grow again."""
WORKSPACES = "workspaces"
"""The table whose key is the workspace."""


class Column(Value):
    """A column: its PostgreSQL type, and whether it may be null."""

    name: str
    type: str
    nullable: bool


_TYPES: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.EnumType: "text",
    inspect.LiteralType: "text",
    inspect.IntType: "int8",
    inspect.FloatType: "float8",
    inspect.BoolType: "bool",
    inspect.DateTimeType: "timestamptz",
}
"""What is not here is kept as jsonb: structs, lists, dicts."""


def columns(row: type[Row]) -> tuple[Column, ...]:
    """The columns of a row struct, in the order of its fields."""
    struct = inspect.type_info(row)
    assert isinstance(struct, inspect.StructType)  # noqa: S101 - what type_info says of every struct
    return tuple(_column(field) for field in struct.fields)


def _column(field: inspect.Field) -> Column:
    kind, nullable = field.type, False
    if isinstance(kind, inspect.UnionType) and kind.includes_none:
        kind, nullable = next(one for one in kind.types if not isinstance(one, inspect.NoneType)), True
    return Column(name=field.encode_name, type=_TYPES.get(type(kind), "jsonb"), nullable=nullable)


def fingerprint(model: ReadModel) -> str:
    """A digest of the shape of a read model's rows; another one means that the model must grow again."""
    shape = [(table.name, table.key, table.indexes, _shape(table.row)) for table in model.tables]
    return sha256(msgspec.json.encode([WALLS, shape])).hexdigest()


def _shape(row: type[Row]) -> Any:
    return columns(row), _without_prose(msgspec.json.schema(row))


def _without_prose(schema: Any) -> Any:
    """A JSON schema without what people wrote: a docstring may change and the rows stay good."""
    if isinstance(schema, dict):
        return {key: _without_prose(value) for key, value in schema.items() if key not in {"description", "title"}}
    return [_without_prose(item) for item in schema] if isinstance(schema, list) else schema


def name(schema: str, table: Table[Any]) -> sql.Identifier:
    """The table's full name in one generation of its model."""
    return sql.Identifier(schema, table.name)


def names(of: tuple[str, ...], prefix: str | None = None) -> sql.Composed:
    """Column names with commas between."""
    return sql.SQL(", ").join(sql.Identifier(prefix, one) if prefix else sql.Identifier(one) for one in of)


def create(schema: str, table: Table[Any]) -> sql.Composed:
    """The statement that makes the table."""
    lines = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name), sql.SQL(column.type), sql.SQL("" if column.nullable else " NOT NULL")
        )
        for column in columns(table.row)
    ]
    lines.append(sql.SQL("PRIMARY KEY ({})").format(names(table.key)))
    return sql.SQL("CREATE TABLE {} ({}) WITH (fillfactor = 90)").format(name(schema, table), sql.SQL(", ").join(lines))


def wall(schema: str, table: Table[Any]) -> list[sql.Composed]:
    """The statements that let readers of one workspace see its rows alone, whatever they ask for.

    The owner sees all of them. A table without workspaces is for no reader, but for that of the workspaces themselves.
    """
    column = "id" if table.name == WORKSPACES else "tenant_id"
    if column not in table.row.__struct_fields__:
        return []
    statements = (
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY workspace ON {table} FOR SELECT USING ({column} = current_setting({setting}, true))",
        "GRANT SELECT ON {table} TO {reader}",
    )
    given = {"table": name(schema, table), "column": sql.Identifier(column)}
    return [
        sql.SQL(one).format(**given, setting=sql.Literal(SETTING), reader=sql.Identifier(READER)) for one in statements
    ]


def create_indexes(schema: str, table: Table[Any]) -> list[sql.Composed]:
    """The statements that make the table's indexes, each continued by the key so that it holds a whole order."""
    return [
        sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} ({})").format(
            sql.Identifier(f"{table.name}_{number}"),
            name(schema, table),
            names(tuple(dict.fromkeys(index + table.key))),
        )
        for number, index in enumerate(table.indexes, 1)
    ]


_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def without_nul(json: bytes) -> bytes:
    """JSON with U+FFFD for the character NUL, which PostgreSQL's text cannot hold."""
    return _NUL.sub(rb"\1\\ufffd", json) if rb"\u0000" in json else json


def storable(text: str) -> str:
    """The text as a row may hold it: what PostgreSQL cannot hold is replaced."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
