"""A schema per read model; apply a page of facts with its checkpoint; swap generations.

``read_models.checkpoints`` says of each *generation* (one growth of a read model, a schema of its own) how far it has
read. A generation's rows and its checkpoint change in one transaction and only from the position where they stand, so
each fact counts once, however often it is delivered and whoever delivers it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from psycopg import AsyncConnection, errors, sql
from psycopg.rows import class_row

from adapters import growths, tables
from adapters.database import MANY, PROJECTED
from adapters.folding import Folding, Statement
from adapters.walls import READER
from domain.fact import Value
from projections.changes import ReadModel

_LAYOUT_LOCK = 0x5348_4950_5245_4144
MOST_TOLD = 100
"""So many rows are named in a notification, which holds 8,000 bytes."""
_MOST_KNOWN = 500
"""So many pages' statements are kept, each of which changes other tables."""
_MOVE = (
    b"UPDATE read_models.checkpoints AS old SET position = new.position"
    b" FROM unnest(%s::text[], %s::int8[], %s::int8[]) AS new (generation, former, position)"
    b" WHERE old.generation = new.generation AND old.position = new.former AND old.stopped_at IS NULL"
    b" RETURNING old.generation"
)


class Overtaken(Exception):
    """A generation does not stand where the folding began: somebody else has advanced, swapped or stopped it."""


@dataclass(frozen=True)
class Checkpoint:
    """How far a generation has read; ``stopped_at`` is the position of the fact at which it gave up."""

    generation: str
    position: int
    fingerprint: str
    stopped_at: int | None
    reason: str | None


class Portion(Value):
    """What a page of facts changes in the growing generation of one read model, whose checkpoint moves with it.

    ``position`` is less than the page's end where a fact before that cannot be read.
    """

    model: str
    former: int
    position: int
    copies: list[tuple[bytes, bytes]]
    """Statements of COPY, and what follows each."""
    statements: list[Statement]


def live(model: str) -> str:
    """The schema in which a read model is read."""
    return f"read_{model}"


def growing(model: str) -> str:
    """The schema in which its successor grows."""
    return f"read_{model}__next"


def former(model: str) -> str:
    """The schema of the generation that was replaced, until it is dropped."""
    return f"read_{model}__old"


async def lay_out(connection: AsyncConnection) -> None:
    """Make the place of the checkpoints, unless it is there. Any number of processes may do this at once."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LAYOUT_LOCK])
        await connection.execute("CREATE SCHEMA IF NOT EXISTS read_models")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS read_models.checkpoints ("
            " generation text PRIMARY KEY, position int8 NOT NULL, fingerprint text NOT NULL,"
            " stopped_at int8, reason text)"
        )
        await connection.execute(growths.TABLE)


async def checkpoints(connection: AsyncConnection) -> dict[str, Checkpoint]:
    """Every generation's checkpoint, by its schema."""
    async with connection.cursor(row_factory=class_row(Checkpoint)) as cursor:
        await cursor.execute(
            "SELECT generation, position, fingerprint, stopped_at, reason FROM read_models.checkpoints"
        )
        return {found.generation: found for found in await cursor.fetchall()}


async def begin(connection: AsyncConnection, model: ReadModel) -> None:
    """Begin a generation beside the live one, from nothing, in place of one that was not completed."""
    schema = growing(model.name)
    async with connection.transaction():
        await drop(connection, schema)
        await connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        for table in model.tables:
            await connection.execute(tables.create(schema, table))
        if await walled(connection):
            await connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), _READER))
            for table in model.tables:
                for statement in tables.wall(schema, table):
                    await connection.execute(statement)
        await connection.execute(
            "INSERT INTO read_models.checkpoints (generation, position, fingerprint) VALUES (%s, 0, %s)",
            [schema, tables.fingerprint(model)],
        )


async def walled(connection: AsyncConnection) -> bool:
    """Whether there is a role for readers of one workspace, and it can be taken."""
    query = "SELECT count(*) FROM pg_roles WHERE rolname = %s AND pg_has_role(oid, 'MEMBER')"
    found = await (await connection.execute(query, [READER])).fetchone()
    return found == (1,)


_READER = sql.Identifier(READER)


async def index(connection: AsyncConnection, model: ReadModel) -> None:
    """Index the growing generation, once it has most of its rows, and tell the planner what is in it.

    That its rows are there for all to see is noted as well (VACUUM): lists are counted in their index alone then, and
    otherwise not before the server's own vacuum comes by. The server's further processes are left to those who read.
    """
    schema = growing(model.name)
    async with connection.transaction():
        await connection.execute("SET LOCAL max_parallel_maintenance_workers TO 0")
        for table in model.tables:
            for statement in tables.create_indexes(schema, table):
                await connection.execute(statement)
    for table in model.tables:
        await connection.execute(sql.SQL("VACUUM (ANALYZE, PARALLEL 0) {}").format(tables.name(schema, table)))


async def drop(connection: AsyncConnection, schema: str) -> None:
    """Drop a generation with its checkpoint, whether it is there or not."""
    async with connection.transaction():
        await connection.execute("DELETE FROM read_models.checkpoints WHERE generation = %s", [schema])
        await connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


async def stop(connection: AsyncConnection, schema: str, position: int, reason: str) -> None:
    """Note that the generation, which may have never come to be, gave up at the fact at ``position``."""
    await connection.execute(
        "INSERT INTO read_models.checkpoints (generation, position, fingerprint, stopped_at, reason)"
        " VALUES (%(generation)s, 0, '', %(position)s, %(reason)s)"
        " ON CONFLICT (generation) DO UPDATE SET stopped_at = %(position)s, reason = %(reason)s",
        {"generation": schema, "position": position, "reason": reason},
    )
    await _notify(connection, 0)


async def apply(connection: AsyncConnection, foldings: Sequence[Folding], passed: int) -> None:
    """Make the changes of facts in the live generations and say that all have passed the position ``passed``.

    It is said as well which read models' rows change, and which rows of those that are watched. All or nothing. Raises
    ``Overtaken`` where a generation does not stand where its folding began.
    """
    changes = {folding.model.name: list(folding.statements(live(folding.model.name))) for folding in foldings}
    told = " ".join([str(passed), *(name for name, statements in changes.items() if statements), *_rows(foldings)])
    statements = list(chain.from_iterable(changes.values()))
    moves = _moves({live(folding.model.name): folding for folding in foldings})
    rows = [rows for _, rows in statements]
    try:
        await connection.execute(
            _applying(tuple(statement for statement, _ in statements)), [*moves, *rows, len(foldings), PROJECTED, told]
        )
    except errors.DivisionByZero as problem:
        raise Overtaken from problem


@lru_cache(_MOST_KNOWN)
def _applying(statements: Sequence[bytes]) -> bytes:
    """One statement for all, which is one round trip; where a checkpoint does not move, it fails by a division by 0."""
    changes = (b", change_%d AS (" % number + statement + b")" for number, statement in enumerate(statements))
    end = b" SELECT 1 / (count(*) = %s)::integer, pg_notify(%s, %s) FROM moved"
    return b"WITH moved AS (" + _MOVE + b")" + b"".join(changes) + end


def _rows(foldings: Sequence[Folding]) -> list[str]:
    keys = [key for folding in foldings if folding.model.watched for key in folding.changed()]
    return keys if len(keys) <= MOST_TOLD else [MANY]


async def load(connection: AsyncConnection, page: Sequence[Portion]) -> None:
    """Make the changes of a page of facts in the growing generations, all or nothing.

    Raises ``Overtaken``, and ``UniqueViolation`` or ``DataError`` where COPY does not take a row.
    """
    async with connection.transaction():
        await _advance(connection, {growing(portion.model): portion for portion in page}, "0")
        for portion in page:
            for statement, rows in portion.copies:
                async with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    await copy.write(rows)
            for change, rows_as_json in portion.statements:
                await connection.execute(change, [rows_as_json])


async def hasten(connection: AsyncConnection) -> None:
    """Let the connection's commits not wait for the disk: what a crash of the server undoes is projected again."""
    await connection.execute("SET synchronous_commit TO off")


async def _advance(connection: AsyncConnection, foldings: Mapping[str, Folding | Portion], told: str) -> None:
    """Move the checkpoints, and tell it; the rows' locks keep everybody else off until the transaction ends."""
    cursor = await connection.execute(
        b"WITH moved AS (" + _MOVE + b") SELECT count(*), pg_notify(%s, %s) FROM moved",
        [*_moves(foldings), PROJECTED, told],
    )
    [(moved, _)] = await cursor.fetchall()
    if moved != len(foldings):
        raise Overtaken


def _moves(foldings: Mapping[str, Folding | Portion]) -> list[list[str] | list[int]]:
    formers = [folding.former for folding in foldings.values()]
    return [list(foldings), formers, [folding.position for folding in foldings.values()]]


async def hold(connection: AsyncConnection, model: ReadModel) -> int:
    """The live generation's position, which stays until the transaction ends, as its rows do; 0 where there is none.

    The tables are locked besides the checkpoint, and before it, as all do who change rows. A swap can be seen a moment
    before others hear of it; whoever plans a change in that moment means the former tables, and looks again at what the
    names mean once it gets its locks on them.
    """
    found = await connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'", [live(model.name)]
    )
    if names := [sql.Identifier(live(model.name), name) for (name,) in await found.fetchall()]:
        await connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.SQL(", ").join(names)))
    cursor = await connection.execute(
        "SELECT position FROM read_models.checkpoints WHERE generation = %s FOR UPDATE", [live(model.name)]
    )
    position = await cursor.fetchone()
    return int(position[0]) if position else 0


async def replace(connection: AsyncConnection, model: ReadModel) -> None:
    """Put the grown generation in the live one's place, by renaming; part of the caller's transaction."""
    cursor = await connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", [live(model.name)])
    if await cursor.fetchone() == (True,):
        await _rename(connection, live(model.name), former(model.name))
    await _rename(connection, growing(model.name), live(model.name))
    await connection.execute("DELETE FROM read_models.checkpoints WHERE generation = %s", [live(model.name)])
    await connection.execute(
        "UPDATE read_models.checkpoints SET generation = %s WHERE generation = %s",
        [live(model.name), growing(model.name)],
    )
    await _notify(connection, 0)


async def _rename(connection: AsyncConnection, schema: str, to: str) -> None:
    await connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(schema), sql.Identifier(to)))


async def _notify(connection: AsyncConnection, position: int) -> None:
    await connection.execute("SELECT pg_notify(%s, %s)", [PROJECTED, str(position)])
