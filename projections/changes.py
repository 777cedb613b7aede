"""Put, Patch, Remove: all that a projection may do. It cannot query, so it cannot decide (rule 8).

A change names one row, by its key. So all changes of many facts fold, row by row, to one change a row at the most.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, TypeVar, dataclass_transform, get_args

import msgspec

from domain.fact import Fact
from domain.history import Recorded


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Row(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A row of a read model. Columns are its fields: text, int, float, bool, datetime, or any struct, list or dict.

    As JSON it is an array of their values: the database makes that in half the time of an object. The collector of
    cycles does not look at rows, which makes them in half the time too; they are made of JSON, and hold none.
    """


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, eq=False)
class Table(Generic[R]):
    """A table of a read model.

    ``indexes`` are lists of columns that are looked up or ordered by; each is continued by the key.
    """

    name: str
    row: type[R]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def key_of(self) -> Callable[[R], Any]:
        """A row's key: its value where the key is one column, else the tuple of its values."""
        return attrgetter(*self.key)


class Put(msgspec.Struct, frozen=True):
    """This row stands in the table, in place of one with the same key."""

    table: Table[Any]
    row: Row


class Patch(msgspec.Struct, frozen=True):
    """The row with this key (see ``Table.key_of``) gets these columns. No such row is no error.

    ``fields`` names no column of the key.
    """

    table: Table[Any]
    key: Any
    fields: Mapping[str, object]


class Remove(msgspec.Struct, frozen=True):
    """No row with this key stands in the table."""

    table: Table[Any]
    key: Any


Change = Put | Patch | Remove


@dataclass(frozen=True)
class ReadModel:
    """A projection with its tables. ``name`` is its schema and its checkpoint, and never changes.

    ``takes`` is a fact, or the union of those, that ``project`` has changes for; it is not asked about any other.
    """

    name: str
    tables: Sequence[Table[Any]]
    project: Callable[[Recorded], Sequence[Change]] = field(repr=False)
    takes: Any = field(default=Fact, repr=False)
    watched: bool = False
    """Whether somebody waits for single rows of the first table. Their keys are texts without spaces, and no secret."""

    @cached_property
    def facts(self) -> frozenset[type[Fact]]:
        """The kinds of facts that it takes; only ``Fact`` itself where it takes all."""
        return frozenset(get_args(self.takes) or (self.takes,))

    def is_about(self, fact: type[Fact]) -> bool:
        """Whether such a fact may change a row."""
        return fact in self.facts or Fact in self.facts
