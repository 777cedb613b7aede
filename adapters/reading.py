"""The read models as queries see them, on the pool: rows come as JSON, straight into their structs."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any, LiteralString, NamedTuple, Self, TypeVar

import msgspec
import structlog
from psycopg import errors, sql

from adapters import cursors, tables
from adapters.database import PROJECTED, Database, Unavailable
from adapters.readmodels import live
from domain.rejection import Detail, Invalid
from projections.catalogue import ALL
from projections.changes import ReadModel, Row, Table
from projections.reading import LARGEST_PAGE, Page, Paging, Reader, Selection

R = TypeVar("R", bound=Row)
log = structlog.get_logger(__name__)

DEEPEST_ROW = 100_000
"""Page numbers reach so many rows deep; cursors reach all."""
_POLL_SECONDS = 1.0
"""A bell may be lost; then so long passes at the most until the position is looked up again."""


class PostgresReader(Reader):
    """Looks up the live generations. Every method raises ``Unavailable`` while they cannot be read."""

    def __init__(self, database: Database, models: Mapping[str, ReadModel] = ALL) -> None:
        self._database = database
        self._schemas = {table: live(model.name) for model in models.values() for table in model.tables}

    async def one(self, table: Table[R], equal: Mapping[str, object]) -> R | None:
        """The row with these column values, or None."""
        rows = await self._rows(table, _Shape.of(Selection(equal=equal, order_by=table.key[0])), [*_given(equal), 1, 0])
        return rows[0] if rows else None

    async def select(self, table: Table[R], selection: Selection, paging: Paging) -> Page[R]:
        """A page of rows, without ``total``; ``Invalid`` where cursor, page or size cannot be."""
        _require(paging)
        parameters = _parameters(selection)
        if paging.after is not None:
            parameters += map(_parameter, cursors.place(paging.after, table, selection))
        offset = 0 if paging.after is not None else (paging.page - 1) * paging.size
        shape = _Shape.of(selection, continued=paging.after is not None)
        rows = await self._rows(table, shape, [*parameters, paging.size + 1, offset])
        if len(rows) <= paging.size:
            return Page(rows=rows)
        shown = rows[: paging.size]
        return Page(rows=shown, following=cursors.behind(shown[-1], table, selection))

    async def count(self, table: Table[R], selection: Selection) -> int:
        """How many rows the selection has in all."""
        statement = _counting(self._schemas[table], table, _Shape.of(selection))
        with _being_grown():
            found = await self._database.fetch(statement, _parameters(selection))
        return int(found[0][0])

    async def _rows(self, table: Table[R], shape: "_Shape", parameters: Sequence[object]) -> list[R]:
        statement = _selecting(self._schemas[table], table, shape)
        with _being_grown():
            found = await self._database.fetch(statement, parameters)
        json = found[0][0]
        return _decoder(table).decode(json) if json else []


class _Shape(NamedTuple):
    """What a statement's text depends on; the values are parameters."""

    equal: tuple[tuple[str, str], ...]
    search_in: tuple[str, ...]
    order_by: str
    descending: bool
    continued: bool

    @classmethod
    def of(cls, selection: Selection, *, continued: bool = False) -> "_Shape":
        """The shape of a selection; ``continued`` behind a cursor."""
        equal = tuple((column, _comparison(value)) for column, value in selection.equal.items())
        search_in = selection.search_in if selection.search else ()
        return cls(equal, search_in, selection.order_by, selection.descending, continued)


def _comparison(value: object) -> LiteralString:
    if value is None:
        return "{} IS NULL"
    return "{} = ANY(%s)" if isinstance(value, tuple) else "{} = %s"


def _given(equal: Mapping[str, object]) -> list[object]:
    return [_parameter(value) for value in equal.values() if value is not None]


def _parameter(value: object) -> object:
    if isinstance(value, tuple):
        return [_parameter(one) for one in value]
    return tables.storable(value) if isinstance(value, str) else value


def _parameters(selection: Selection) -> list[object]:
    return [
        *_given(selection.equal),
        *([_pattern(selection.search)] * len(selection.search_in if selection.search else ())),
    ]


def _pattern(search: str | None) -> str:
    """``search`` anywhere in a text, taken literally."""
    literal = tables.storable(search or "")
    for special in "\\%_":
        literal = literal.replace(special, "\\" + special)
    return f"%{literal}%"


@cache
def _selecting(schema: str, table: Table[Any], shape: _Shape) -> LiteralString:
    """One JSON array of the rows: the database makes it of whole rows, and msgspec reads it in one go."""
    return _text(
        sql.SQL("SELECT json_agg(t)::text FROM (SELECT * FROM {} {} ORDER BY {} LIMIT %s OFFSET %s) AS t").format(
            tables.name(schema, table), _where(table, shape), _order(table, shape)
        )
    )


@cache
def _counting(schema: str, table: Table[Any], shape: _Shape) -> LiteralString:
    return _text(sql.SQL("SELECT count(*) FROM {} {}").format(tables.name(schema, table), _where(table, shape)))


def _text(statement: sql.Composed) -> LiteralString:
    return statement.as_string()  # made of literals and of quoted names of our own structs


def _where(table: Table[Any], shape: _Shape) -> sql.Composable:
    conditions: list[sql.Composable] = [
        sql.SQL(comparison).format(sql.Identifier(column)) for column, comparison in shape.equal
    ]
    if shape.search_in:
        matches = [sql.SQL("{} ILIKE %s").format(sql.Identifier(column)) for column in shape.search_in]
        conditions.append(sql.SQL("({})").format(sql.SQL(" OR ").join(matches)))
    if shape.continued:
        ordering = cursors.ordering(table, shape.order_by)
        conditions.append(
            sql.SQL("({}) {} ({})").format(
                tables.names(ordering),
                sql.SQL("<" if shape.descending else ">"),
                sql.SQL(", ").join([sql.Placeholder()] * len(ordering)),
            )
        )
    return sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL("")


def _order(table: Table[Any], shape: _Shape) -> sql.Composed:
    direction = sql.SQL(" DESC" if shape.descending else "")
    return sql.SQL(", ").join(sql.Identifier(column) + direction for column in cursors.ordering(table, shape.order_by))


@cache
def _decoder(table: Table[R]) -> msgspec.json.Decoder[list[R]]:
    return msgspec.json.Decoder(list[table.row])  # type: ignore[name-defined]  # a type known at run time


@contextmanager
def _being_grown() -> Iterator[None]:
    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn) as problem:
        raise Unavailable("This list is being built from the event log. Try again in a moment.") from problem


def _require(paging: Paging) -> None:
    wrong = []
    if not 1 <= paging.size <= LARGEST_PAGE:
        wrong.append(Detail(field="pageSize", message=f"must be 1 to {LARGEST_PAGE}"))
    if paging.page < 1 or (paging.page - 1) * paging.size > DEEPEST_ROW:
        message = f"must be at least 1, and reaches {DEEPEST_ROW} rows deep; behind that use a cursor"
        wrong.append(Detail(field="page", message=message))
    if wrong:
        raise Invalid("There is no such page.", details=wrong)


class Progress:
    """How far the read models have come, for those who must read what they wrote. Belongs to one event loop."""

    def __init__(self, database: Database, models: Mapping[str, ReadModel]) -> None:
        self._database = database
        self._generations = [live(name) for name in models]
        self._position = 0
        self._moved = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, models: Mapping[str, ReadModel] = ALL) -> AsyncIterator[Self]:
        """The progress, followed for as long as the context lasts."""
        progress = cls(database, models)
        following = asyncio.create_task(progress._follow())
        try:
            yield progress
        finally:
            following.cancel()
            await asyncio.wait([following])

    @property
    def known(self) -> int:
        """The position that all read models have passed, as far as it was heard here."""
        return self._position

    async def position(self) -> int:
        """The position that all read models have passed, but for those that gave up; looked up anew."""
        found = await self._database.fetch(
            "SELECT coalesce(min(coalesce(position, 0)), 0) FROM unnest(%s::text[]) AS wanted (generation)"
            " LEFT JOIN read_models.checkpoints USING (generation) WHERE stopped_at IS NULL",
            [self._generations],
        )
        return int(found[0][0])

    async def passed(self, position: int, timeout: float) -> bool:
        """Whether all read models pass ``position`` within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._position < position:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        with self._database.bell(PROJECTED) as bell:
            while True:
                bell.clear()
                try:
                    with _being_grown():
                        self._move(await self.position())
                except Unavailable as problem:
                    log.warning("cannot follow the read models", reason=str(problem))
                await bell.wait(_POLL_SECONDS)

    def _move(self, position: int) -> None:
        """Wake everybody who waits, each of whom looks again."""
        if position != self._position:
            self._position = position
            self._moved.set()
            self._moved = asyncio.Event()
