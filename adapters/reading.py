"""The read models as queries see them, on the pool: rows come as JSON, straight into their structs."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from functools import cache
from typing import Any, LiteralString, NamedTuple, Self, TypeVar

import msgspec
import structlog
from psycopg import errors, sql

from adapters import cursors, tables
from adapters.database import PROJECTED, Database, Unavailable
from adapters.readmodels import live
from domain.identifiers import TenantId
from domain.rejection import Detail, Invalid
from projections.catalogue import ALL
from projections.changes import ReadModel, Row, Table
from projections.reading import DEEPEST_ROW, LARGEST_PAGE, Page, Paging, Reader, Selection, Wanted

R = TypeVar("R", bound=Row)
log = structlog.get_logger(__name__)

_POLL_SECONDS = 1.0
"""A bell may be lost; then so long passes at the most until the position is looked up again."""

_ONCE = sql.SQL("generate_series(1, (SELECT 1)) AS once")
"""One row to join with, of which the planner thinks that it may be a thousand, as it knows no end of the series.

So few of all that it expects are wanted on a page that nothing is cheaper than reading them in the order of an index,
however few rows it expects for the values that are asked for. It takes columns for independent that are not, a tenant
and its project above all; so it would fetch and sort thousands of rows for each page where it expects one.
"""


class PostgresReader(Reader):
    """Looks up the live generations. Every method raises ``Unavailable`` while they cannot be read."""

    def __init__(
        self, database: Database, models: Mapping[str, ReadModel] = ALL, tenant: TenantId | None = None
    ) -> None:
        """With ``tenant`` it sees no row of another workspace's, whatever it is asked for (``adapters.walls``)."""
        self._database = database
        self.tenant = tenant
        self._schemas = {table: live(model.name) for model in models.values() for table in model.tables}

    def within(self, tenant: TenantId) -> "PostgresReader":
        """The same behind the wall of one workspace."""
        walled = copy(self)
        walled.tenant = tenant
        return walled

    async def one(self, table: Table[R], equal: Mapping[str, object]) -> R | None:
        """The row with these column values, or None."""
        page = await self.select(table, Selection(equal=equal, order_by=table.key[0]), Paging(size=1))
        return page.rows[0] if page.rows else None

    async def select(self, table: Table[R], selection: Selection, paging: Paging) -> Page[R]:
        """A page of rows; ``Invalid`` where cursor, page or size cannot be."""
        question = _question(self._schemas[table], table, selection, paging)
        [json, total] = await self._answer(question.statement, question.parameters)
        return question.page(json, total)

    async def pages(self, *wanted: Wanted) -> list[Page[Any]]:
        """Several pages, as they are at one moment, at the cost of one question; raises as ``select`` does."""
        questions = [_question(self._schemas[one.table], one.table, one.selection, one.paging) for one in wanted]
        together = _together(*(question.statement for question in questions))
        found = await self._answer(together, [value for question in questions for value in question.parameters])
        return [question.page(*found[2 * place : 2 * place + 2]) for place, question in enumerate(questions)]

    async def count(self, table: Table[R], selection: Selection) -> int:
        """How many rows the selection has in all."""
        statement = _counting(self._schemas[table], table, _Shape.of(selection, Paging()))
        [number] = await self._answer(statement, _parameters(selection))
        return int(number or 0)

    async def _answer(self, statement: LiteralString, parameters: Sequence[object]) -> list[bytes | None]:
        with _being_grown():
            return await self._database.answer(statement, parameters, self.tenant)


class _Question(NamedTuple):
    """A statement that answers with the rows as JSON and their number, and what becomes of the answer."""

    statement: LiteralString
    parameters: Sequence[object]
    table: Table[Any]
    selection: Selection
    size: int

    def page(self, json: bytes | None, counted: bytes | None) -> Page[Any]:
        """The page that was asked for; there is one row more in the answer where it is not the last one."""
        rows = _decoder(self.table).decode(json) if json else []
        total = int(counted) if counted and int(counted) <= DEEPEST_ROW else None
        if len(rows) <= self.size:
            return Page(rows=rows, total=total)
        shown = rows[: self.size]
        return Page(rows=shown, following=cursors.behind(shown[-1], self.table, self.selection), total=total)


def _question(schema: str, table: Table[Any], selection: Selection, paging: Paging) -> _Question:
    _require(paging)
    given = _parameters(selection)
    shape = _Shape.of(selection, paging)
    values = list(given)
    if paging.after is not None:
        values += map(_parameter, cursors.place(paging.after, table, selection))
    if shape.deep:
        values += [*given, (paging.page - 1) * paging.size]
    values.append(paging.size + 1)
    if shape.counted:
        values += [*given, DEEPEST_ROW + 1]
    return _Question(_selecting(schema, table, shape), values, table, selection, paging.size)


@cache
def _together(*statements: LiteralString) -> LiteralString:
    """One statement for several that answer with one row each."""
    answers = ", ".join(f"({one}) AS answer_{place}" for place, one in enumerate(statements))
    return f"SELECT * FROM {answers}"  # noqa: S608 - made of our own statements


class _Shape(NamedTuple):
    """What a statement's text depends on; the values are parameters."""

    compared: tuple[tuple[str, str], ...]
    search_in: tuple[str, ...]
    order_by: str
    descending: bool
    continued: bool
    """It goes on behind a cursor."""
    deep: bool
    """Rows are passed over on the way to it."""
    counted: bool

    @classmethod
    def of(cls, selection: Selection, paging: Paging) -> "_Shape":
        """The shape of a page of a selection."""
        compared = (
            *((column, _comparison(value)) for column, value in selection.equal.items()),
            *((column, "{} >= %s") for column in selection.at_least),
            *((column, "{} < %s") for column in selection.below),
        )
        search_in = selection.search_in if selection.search else ()
        continued = paging.after is not None
        deep = paging.page > 1 and not continued
        return cls(compared, search_in, selection.order_by, selection.descending, continued, deep, paging.counted)

    def whole(self) -> "_Shape":
        """The whole selection, from its beginning."""
        return self._replace(continued=False, deep=False)


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
        *_given(selection.at_least),
        *_given(selection.below),
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
    """One JSON array of the rows, each an array of its values, and their number."""
    rows = sql.SQL("SELECT listed.* FROM {} AS listed, {} {} ORDER BY {} LIMIT %s").format(
        tables.name(schema, table), _ONCE, _where(schema, table, shape), _order(table, shape)
    )
    total = _number(schema, table, shape, sql.SQL("LIMIT %s")) if shape.counted else sql.SQL("SELECT NULL::int8")
    values = tables.names(table.row.__struct_fields__)
    return _text(
        sql.SQL(
            "SELECT (SELECT json_agg(json_build_array({}))::text FROM ({}) AS shown) AS rows, ({}) AS total"
        ).format(values, rows, total)
    )


@cache
def _counting(schema: str, table: Table[Any], shape: _Shape) -> LiteralString:
    return _text(_number(schema, table, shape, sql.SQL("")))


def _number(schema: str, table: Table[Any], shape: _Shape, limit: sql.SQL) -> sql.Composed:
    """How many rows the selection has, wherever a page of it begins."""
    return sql.SQL("SELECT count(*) FROM (SELECT FROM {} {} {}) AS counted").format(
        tables.name(schema, table), _where(schema, table, shape.whole()), limit
    )


def _text(statement: sql.Composed) -> LiteralString:
    return statement.as_string()  # made of literals and of quoted names of our own structs


def _where(schema: str, table: Table[Any], shape: _Shape) -> sql.Composable:
    conditions: list[sql.Composable] = [
        sql.SQL(comparison).format(sql.Identifier(column)) for column, comparison in shape.compared
    ]
    if shape.search_in:
        matches = [sql.SQL("{} ILIKE %s").format(sql.Identifier(column)) for column in shape.search_in]
        conditions.append(sql.SQL("({})").format(sql.SQL(" OR ").join(matches)))
    if shape.continued or shape.deep:
        conditions.append(_beginning(schema, table, shape))
    return sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL("")


def _beginning(schema: str, table: Table[Any], shape: _Shape) -> sql.Composable:
    """Where a page begins: behind the cursor's row, or with the row of a number in the order.

    That row's place is found in an index alone where one has the order: rows on the way to it are not looked at.
    """
    ordering = tables.names(cursors.ordering(table, shape.order_by))
    towards = sql.SQL("<" if shape.descending else ">")
    if shape.continued:
        place = sql.SQL(", ").join([sql.Placeholder()] * len(cursors.ordering(table, shape.order_by)))
        return sql.SQL("({}) {} ({})").format(ordering, towards, place)
    first = sql.SQL("SELECT {} FROM {}, {} {} ORDER BY {} LIMIT 1 OFFSET (SELECT %s::int8)").format(
        ordering, tables.name(schema, table), _ONCE, _where(schema, table, shape.whole()), _order(table, shape)
    )
    return sql.SQL("({}) {}= ({})").format(ordering, towards, first)


def _order(table: Table[Any], shape: _Shape) -> sql.Composed:
    direction = sql.SQL(" DESC" if shape.descending else "")
    ordering = cursors.ordering(table, shape.order_by)
    return sql.SQL(", ").join(sql.Identifier(column) + direction for column in ordering)


@cache
def _decoder(table: Table[R]) -> msgspec.json.Decoder[list[R]]:
    return msgspec.json.Decoder(list[table.row])  # type: ignore[name-defined]  # a type known at run time


@contextmanager
def _being_grown() -> Iterator[None]:
    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InsufficientPrivilege) as problem:
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
    """How far the read models have come, for those who must read what they wrote. Belongs to one event loop.

    The projector's notifications tell it: they are sent by the very transaction that makes the rows visible. They speak
    for every read model while all that are wanted here stand together; otherwise, whenever a notification says so, and
    once a second in any case, it is looked up.
    """

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

    async def passed(self, position: int, timeout: float) -> bool:
        """Whether all read models pass ``position`` within ``timeout`` seconds."""
        if self._position >= position:
            return True
        try:
            async with asyncio.timeout(timeout):
                while self._position < position:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        told, looks, looked, together = self._database.told(PROJECTED), 0, 0.0, False
        with self._database.bell(PROJECTED) as bell:
            while True:
                bell.clear()
                if together and looks == told.looks and time.monotonic() - looked < _POLL_SECONDS:
                    self._move(max(told.position, self._position))
                else:
                    looks, looked = told.looks, time.monotonic()
                    together = await self._look()
                await bell.wait(_POLL_SECONDS)

    async def _look(self) -> bool:
        """Look up where the live generations stand, but for those that gave up; whether they stand together."""
        try:
            with _being_grown():
                [(slowest, fastest)] = await self._database.fetch(
                    "SELECT coalesce(min(coalesce(position, 0)), 0), coalesce(max(position), 0)"
                    " FROM unnest(%s::text[]) AS wanted (generation)"
                    " LEFT JOIN read_models.checkpoints USING (generation) WHERE stopped_at IS NULL",
                    [self._generations],
                )
        except Unavailable as problem:
            log.warning("cannot follow the read models", reason=str(problem))
            return False
        self._move(slowest)
        return bool(slowest == fastest)

    def _move(self, position: int) -> None:
        """Wake everybody who waits, each of whom looks again."""
        if position != self._position:
            self._position = position
            self._moved.set()
            self._moved = asyncio.Event()
