"""How the read models are looked up: whole rows by equal columns, in the order of one, page by page."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from domain.fact import Value
from projections.changes import Row, Table

R = TypeVar("R", bound=Row)

PAGE_SIZE = 50
LARGEST_PAGE = 200
DEEPEST_ROW = 5_000
"""Page numbers reach so many rows deep, and so many are counted; cursors reach all."""


class Selection(Value):
    """Which rows, and in which order.

    ``equal`` are columns and the values they must have; a tuple of values means any of them. Columns have at least the
    values of ``at_least``, and less than those of ``below``. ``search`` finds the
    text anywhere, whatever its case, in any of ``search_in``. ``order_by`` is a column that is never null; the
    table's key is always appended, so that the order is total.
    """

    equal: Mapping[str, object] = {}
    at_least: Mapping[str, object] = {}
    below: Mapping[str, object] = {}
    search: str | None = None
    search_in: tuple[str, ...] = ()
    order_by: str = "id"
    descending: bool = False


class Paging(Value):
    """Which part of a selection: what follows the opaque cursor ``after``, else page number ``page`` from 1.

    Behind a cursor every page costs what the first one costs; page numbers cost more the deeper they go.
    ``counted``: how many rows there are in all is wanted as well.
    """

    after: str | None = None
    page: int = 1
    size: int = PAGE_SIZE
    counted: bool = False


class Page(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """Rows, and the cursor after the last of them (None at the end).

    ``total`` is how many there are in all, where that was wanted and is at most ``DEEPEST_ROW``.
    """

    rows: Sequence[R]
    following: str | None = None
    total: int | None = None


class Wanted(msgspec.Struct, frozen=True):
    """A page that is asked for together with others."""

    table: Table[Any]
    selection: Selection
    paging: Paging = Paging(size=LARGEST_PAGE)


class Reader(Protocol):
    """The read models, as queries see them."""

    async def one(self, table: Table[R], equal: Mapping[str, object]) -> R | None:
        """The row with these column values, or None."""
        ...

    async def select(self, table: Table[R], selection: Selection, paging: Paging) -> Page[R]:
        """A page of rows; ``Invalid`` where the cursor is not one of this selection's, or there is no such page."""
        ...

    async def pages(self, *wanted: Wanted) -> list[Page[Any]]:
        """Several pages, as they are at one moment, at the cost of one question; raises as ``select`` does."""
        ...

    async def count(self, table: Table[R], selection: Selection) -> int:
        """How many rows the selection has in all."""
        ...


async def every(reader: Reader, table: Table[R], selection: Selection) -> list[R]:
    """All rows of a selection that is known to be small, read page by page."""
    page = await reader.select(table, selection, Paging(size=LARGEST_PAGE))
    rows = list(page.rows)
    while page.following:
        page = await reader.select(table, selection, Paging(after=page.following, size=LARGEST_PAGE))
        rows.extend(page.rows)
    return rows
