"""Connections that answer with one row's values as they come, for what is asked most.

psycopg's cursors serve every statement and type; for one row of JSON they cost half as much again as doing without, and
for an append of a hundred facts a tenth of its whole time.
"""

from collections.abc import Sequence
from functools import cache, partial
from itertools import count
from typing import Any

from psycopg import AsyncConnection, errors, generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from adapters import arrays
from adapters.walls import READER, SETTING

_MOST_PREPARED = 200
"""A connection keeps so many statements prepared; what comes behind them is sent whole each time."""
_GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


WALL = f"SELECT set_config('role', '{READER}', true), set_config('{SETTING}', %s, true)"
"""Until the end of the transaction, which is that of what is sent with it."""


class AnsweringConnection(AsyncConnection[Any]):
    """A connection. Its ``answer`` is for whoever has it alone, outside a pipeline; it takes ``adapters.arrays``."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._names: dict[str, bytes] = {}
        self._given = 0
        arrays.register(self)

    async def answer(
        self, statement: str, parameters: Sequence[object], tenant: str | None = None
    ) -> list[bytes | None]:
        """The values of the statement's only row, as texts. Raises psycopg's errors.

        With ``tenant``, the statement sees the rows of this workspace alone (``tables.wall``): the role and the
        workspace are set in the same round trip and transaction, which is the statement's own.
        """
        ask = self._asked if tenant is None else partial(self._asked_within, tenant)
        try:
            result = await self.wait(ask(statement, parameters))
        except errors.InvalidSqlStatementName:  # psycopg deallocates all after a DROP or a ROLLBACK
            self._names.clear()
            result = await self.wait(ask(statement, parameters))
        return [result.get_value(0, place) for place in range(result.nfields)]

    def _asked(self, statement: str, parameters: Sequence[object]) -> PQGen[PGresult]:
        transformer = Transformer(self)
        wanted = [PyFormat.BINARY if isinstance(one, arrays.Array) else PyFormat.TEXT for one in parameters]
        values = transformer.dump_sequence(parameters, wanted)
        formats = transformer.formats
        name = self._names.get(statement)
        if name is None and len(self._names) < _MOST_PREPARED:
            name = self._new_name()
            self.pgconn.send_prepare(name, _numbered(statement))
            yield from self._result()
            self._names[statement] = name
        if name is None:
            self.pgconn.send_query_params(_numbered(statement), values, param_formats=formats)
        else:
            self.pgconn.send_query_prepared(name, values, param_formats=formats)
        return (yield from self._result())

    def _asked_within(self, tenant: str, statement: str, parameters: Sequence[object]) -> PQGen[PGresult]:
        """The same behind the wall, sent together with what sets it. Plans are for a role, so they are kept apart."""
        transformer = Transformer(self)
        wanted = [PyFormat.BINARY if isinstance(one, arrays.Array) else PyFormat.TEXT for one in parameters]
        values = transformer.dump_sequence(parameters, wanted)
        self.pgconn.enter_pipeline_mode()
        new = [
            *self._send(WALL, WALL, [tenant.encode()], None),
            *self._send(f"{statement} behind the wall", statement, values, transformer.formats),
        ]
        self.pgconn.pipeline_sync()
        yield from generators.send(self.pgconn)
        problem: Exception | None = None
        result: PGresult | None = None
        for key, name in new:
            [result, *_] = yield from generators.fetch_many(self.pgconn)
            if result.status in _GOOD:
                if key:
                    self._names[key] = name
            elif problem is None and result.status != ExecStatus.PIPELINE_ABORTED:
                problem = errors.error_from_result(result)
        yield from generators.fetch_many(self.pgconn)  # where they were synchronised
        self.pgconn.exit_pipeline_mode()
        if problem or result is None:
            raise problem or errors.InternalError("nothing was asked")
        return result

    def _send(
        self, key: str, statement: str, values: Sequence[Any], formats: Sequence[Any] | None
    ) -> list[tuple[str, bytes]]:
        """Send a statement, prepared under its key where that can be; for each result to come, what is named then."""
        name = self._names.get(key)
        if name is None and len(self._names) >= _MOST_PREPARED:
            self.pgconn.send_query_params(_numbered(statement), values, param_formats=formats)
            return [("", b"")]
        new = []
        if name is None:
            name = self._new_name()
            self.pgconn.send_prepare(name, _numbered(statement))
            new.append((key, name))
        self.pgconn.send_query_prepared(name, values, param_formats=formats)
        return [*new, ("", b"")]

    def _new_name(self) -> bytes:
        """One that was never given: what a failed pipeline has prepared stays prepared."""
        self._given += 1
        return b"answer_%d" % self._given

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
