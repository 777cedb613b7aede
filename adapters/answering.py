"""Connections that answer with one row's values as they come, for what is asked most.

psycopg's cursors serve every statement and type; for one row of JSON they cost half as much again as doing without, and
for an append of a hundred facts a tenth of its whole time.
"""

from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any

from psycopg import AsyncConnection, errors, generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from adapters import arrays

_MOST_PREPARED = 200
"""A connection keeps so many statements prepared; what comes behind them is sent whole each time."""
_GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class AnsweringConnection(AsyncConnection[Any]):
    """A connection. Its ``answer`` is for whoever has it alone, outside a pipeline; it takes ``adapters.arrays``."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._names: dict[str, bytes] = {}
        arrays.register(self)

    async def answer(self, statement: str, parameters: Sequence[object]) -> list[bytes | None]:
        """The values of the statement's only row, as texts. Raises psycopg's errors."""
        try:
            result = await self.wait(self._asked(statement, parameters))
        except errors.InvalidSqlStatementName:  # psycopg deallocates all after a DROP or a ROLLBACK
            self._names.clear()
            result = await self.wait(self._asked(statement, parameters))
        return [result.get_value(0, place) for place in range(result.nfields)]

    def _asked(self, statement: str, parameters: Sequence[object]) -> PQGen[PGresult]:
        transformer = Transformer(self)
        wanted = [PyFormat.BINARY if isinstance(one, arrays.Array) else PyFormat.TEXT for one in parameters]
        values = transformer.dump_sequence(parameters, wanted)
        formats = transformer.formats
        name = self._names.get(statement)
        if name is None and len(self._names) < _MOST_PREPARED:
            name = b"answer_%d" % len(self._names)
            self.pgconn.send_prepare(name, _numbered(statement))
            yield from self._result()
            self._names[statement] = name
        if name is None:
            self.pgconn.send_query_params(_numbered(statement), values, param_formats=formats)
        else:
            self.pgconn.send_query_prepared(name, values, param_formats=formats)
        return (yield from self._result())

    def _result(self) -> PQGen[PGresult]:
        results: list[PGresult] = yield from generators.execute(self.pgconn)
        result = results[0]  # a connection that breaks off may add its own complaint
        if result.status not in _GOOD:
            raise errors.error_from_result(result)
        return result


@cache
def _numbered(statement: str) -> bytes:
    """The statement with PostgreSQL's own placeholders; it holds no other percent sign."""
    first, *others = statement.split("%s")
    return "".join([first, *(f"${number}{other}" for number, other in zip(count(1), others))]).encode()
