"""Put, Patch, Remove: all that a projection may do. It cannot query, so it cannot decide (rule 8)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, dataclass_transform

import msgspec

from domain.history import Recorded


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a read model. Columns are its fields: text, int, float, bool, datetime, or any struct, list or dict."""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Table(Generic[R]):
    """A table of a read model. ``indexes`` are lists of columns that are looked up or ordered by."""

    name: str
    row: type[R]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()


class Put(msgspec.Struct, frozen=True):
    """This row stands in the table, in place of one with the same key."""

    table: Table[Any]
    row: Row


class Patch(msgspec.Struct, frozen=True):
    """Every row with these column values gets these others. No row is no error.

    Cheap where ``where`` is the table's key: such changes of a page fold into one statement. The key itself is
    never patched.
    """

    table: Table[Any]
    where: Mapping[str, object]
    fields: Mapping[str, object]


class Remove(msgspec.Struct, frozen=True):
    """No row with these column values stands in the table. Cheap where ``where`` is the table's key."""

    table: Table[Any]
    where: Mapping[str, object]


Change = Put | Patch | Remove


@dataclass(frozen=True)
class ReadModel:
    """A projection with its tables. ``name`` is its schema and its checkpoint, and never changes."""

    name: str
    tables: Sequence[Table[Any]]
    project: Callable[[Recorded], Sequence[Change]] = field(repr=False)
