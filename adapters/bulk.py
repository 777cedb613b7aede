"""Very many facts of the log, folded page by page, and what each page changes, formed as the database takes it.

What a page changes depends on its facts alone, so pages can be folded in any order and anywhere; only loading them
goes by position.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, LiteralString, Self

import msgspec
import psycopg
from psycopg import Connection, Copy, errors, sql
from psycopg.copy import FileWriter
from psycopg.types.json import set_json_dumps

from adapters import tables
from adapters.database import unavailable
from adapters.folding import Folding, fold, upsert
from adapters.mapping import Mapper, UnreadableFact
from adapters.readmodels import Portion, growing
from adapters.upcasting import UPCASTERS
from domain.catalogue import FACTS
from domain.fact import Value
from domain.history import Recorded
from projections.changes import ReadModel, Row, Table

COPY_FROM = 200
"""From this many rows on, COPY beats one INSERT."""

_READ: LiteralString = (
    "SELECT position, stream, version, tag, state FROM log.events"
    " WHERE position > %s AND position <= %s AND tag <> ALL(%s) ORDER BY position"
)


class Order(Value):
    """A page to fold: for each read model the facts behind its position, up to ``until``.

    ``plain``: without COPY, which refuses rows that stand already and texts that PostgreSQL cannot hold.
    """

    positions: Mapping[str, int]
    until: int
    plain: bool = False


class Folder:
    """Folds pages of the log for some read models, over a connection of its own."""

    def __init__(self, connection: Connection, models: Sequence[ReadModel], mapper: Mapper | None = None) -> None:
        self._connection = connection
        self._models = {model.name: model for model in models}
        self._mapper = mapper or Mapper()
        self._skipped = [
            tag
            for tag, fact in FACTS.items()
            if tag not in UPCASTERS and not any(model.is_about(fact) for model in models)
        ]

    @classmethod
    @contextmanager
    def open(cls, conninfo: str, models: Sequence[ReadModel]) -> Iterator[Self]:
        """A folder with its connection. Raises ``Unavailable``."""
        with unavailable(), psycopg.connect(conninfo, autocommit=True) as connection:
            set_json_dumps(msgspec.json.encode, connection)
            yield cls(connection, models)

    def fold(self, order: Order) -> list[Portion]:
        """What a page changes, by read model. Raises ``UnprojectableFact`` and ``Unavailable``."""
        facts, passed = self._read(min(order.positions.values()), order.until)
        foldings = [Folding(self._models[name], position) for name, position in order.positions.items()]
        fold(foldings, facts, passed)
        return [self._portion(folding, plain=order.plain) for folding in foldings]

    def _read(self, after: int, until: int) -> tuple[list[Recorded], int]:
        """The facts of a page, up to the first one that cannot be read, and the position that is passed with them."""
        with unavailable():
            page = self._connection.execute(_READ, [after, until, self._skipped], binary=True).fetchall()
        facts: list[Recorded] = []
        with suppress(UnreadableFact):
            for stored in page:
                facts.append(self._mapper.recorded(*stored))  # noqa: PERF401 - those before it are kept
        return facts, until if len(facts) == len(page) else page[len(facts)][0] - 1

    def _portion(self, folding: Folding, *, plain: bool) -> Portion:
        schema = growing(folding.model.name)
        copies, statements = [], list(folding.remainder(schema))
        for table, rows in folding.rows():
            copied = None if plain or len(rows) < COPY_FROM else self._copied(schema, table, rows)
            if copied:
                copies.append(copied)
            else:
                statements.append(upsert(schema, table, rows))
        return Portion(
            model=folding.model.name,
            former=folding.former,
            position=folding.position,
            copies=copies,
            statements=statements,
        )

    def _copied(self, schema: str, table: Table[Any], rows: Sequence[Row]) -> tuple[bytes, bytes] | None:
        """The rows as COPY takes them, unless there is one that it would not take."""
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            tables.name(schema, table), tables.names(table.row.__struct_fields__)
        )
        formed = BytesIO()
        try:
            with Copy(self._connection.cursor(), binary=True, writer=FileWriter(formed)) as copy:
                copy.set_types([column.type for column in tables.columns(table.row)])
                for row in rows:
                    copy.write_row(msgspec.structs.astuple(row))
        except errors.DataError:
            return None
        return statement.as_bytes(), formed.getvalue()
