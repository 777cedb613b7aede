"""Read models in memory: what the changes mean, said as simply as can be."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from domain.history import Recorded
from projections.catalogue import ALL
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.deployments import DeploymentRow, listed
from projections.reading import Page, Paging, Reader, Selection, Wanted

R = TypeVar("R", bound=Row)


class MemoryReadModels(Reader):
    """All read models. Every fact is delivered twice on purpose: the second time must change nothing."""

    def __init__(self, models: Mapping[str, ReadModel] = ALL) -> None:
        self.models = models
        self.tables: dict[Table[Any], dict[Any, Row]] = {
            table: {} for model in models.values() for table in model.tables
        }

    def deliver(self, facts: Iterable[Recorded]) -> None:
        for recorded in facts:
            for model in self.models.values():
                for change in [*model.project(recorded), *model.project(recorded)]:
                    self._make(change)

    def rows(self, table: Table[R]) -> list[R]:
        return [row for row in self.tables[table].values() if isinstance(row, table.row)]

    def _make(self, change: Change) -> None:
        rows = self.tables[change.table]
        match change:
            case Put():
                rows[change.table.key_of(change.row)] = change.row
            case Patch():
                assert not set(change.fields) & set(change.table.key), "a patch names no column of the key"
                if change.key in rows:
                    rows[change.key] = replace(rows[change.key], **change.fields)
            case Remove():
                rows.pop(change.key, None)

    async def one(self, table: Table[R], equal: Mapping[str, object]) -> R | None:
        found = self._selected(table, Selection(equal=equal, order_by=table.key[0]))
        return found[0] if found else None

    async def select(self, table: Table[R], selection: Selection, paging: Paging) -> Page[R]:
        """A page; the cursor is the number of rows before it, which is right while nothing is added."""
        rows = self._selected(table, selection)
        start = int(paging.after) if paging.after else (paging.page - 1) * paging.size
        end = start + paging.size
        total = len(rows) if paging.counted else None
        return Page(rows=rows[start:end], following=str(end) if end < len(rows) else None, total=total)

    async def pages(self, *wanted: Wanted) -> list[Page[Any]]:
        return [await self.select(one.table, one.selection, one.paging) for one in wanted]

    async def count(self, table: Table[R], selection: Selection) -> int:
        return len(self._selected(table, selection))

    def _selected(self, table: Table[R], selection: Selection) -> list[R]:
        rows = [row for row in self.rows(table) if _matches(row, selection)]
        return sorted(
            rows,
            key=lambda row: (getattr(row, selection.order_by), table.key_of(row)),
            reverse=selection.descending,
        )


def _matches(row: Row, selection: Selection) -> bool:
    for column, wanted in selection.equal.items():
        value = getattr(row, column)
        if not (value in wanted if isinstance(wanted, tuple) else value == wanted):
            return False
    if any(getattr(row, column) < bound for column, bound in selection.at_least.items()):
        return False
    if any(getattr(row, column) >= bound for column, bound in selection.below.items()):
        return False
    text = (selection.search or "").lower()
    return not text or any(text in getattr(row, column).lower() for column in selection.search_in)


async def listing(reader: Reader, *of: Any, **which: Any) -> Page[DeploymentRow]:
    """A project's deployments, as ``deployments.listed`` asks for them."""
    [page] = await reader.pages(listed(*of, **which))
    return page
