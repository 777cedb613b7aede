"""How a batch of appends becomes one transaction: at its word, or after a look at all that it is about."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, LiteralString

from psycopg import AsyncConnection, AsyncCursor

from adapters.admission import Admission, Answer, Name, Seen, Submission
from adapters.answering import AnsweringConnection
from adapters.arrays import Array, blobs, integers, texts
from adapters.database import Unavailable
from adapters.mapping import Stored
from commands.ports import RequestReused, VersionConflict
from domain.rejection import NameTaken
from domain.reservations import GiveBackAll

_APPEND: LiteralString = "SELECT log.append(%s, %s, %s, %s, %s, %s)"
_APPEND_NAMED: LiteralString = "SELECT log.append_named(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"


async def append(connection: AnsweringConnection, batch: Sequence[Submission]) -> list[Answer]:
    """Record the batch durably, and answer each submission.

    The connection is in autocommit mode and takes ``adapters.arrays``. Its isolation level must be READ COMMITTED: what
    is judged under the log's lock was seen after the lock was had.
    """
    return await _at_its_word(connection, batch) or await _after_a_look(connection, batch)


async def _at_its_word(connection: AnsweringConnection, batch: Sequence[Submission]) -> list[Answer] | None:
    """One statement, which holds the log's lock for no longer than the database needs.

    Each submission says by its versions where its streams stand, and that what it takes is free. The batch is judged on
    these claims, and recorded if all of them are true. None: some are not, or more than claims decides, and nothing was
    recorded.

    A statement may still be carried out when its connection is gone. That does no harm: whoever of its batch was
    recorded since then, or refused for good, was so because a version had moved on, and versions never come back.
    """
    if not all(submission.takes_only for submission in batch):
        return None
    firsts = _firsts(run for submission in batch for run in submission.runs)
    admission = Admission(Seen(versions={stream: first - 1 for stream, first in firsts.items()}))
    places = [_judged(admission, submission) for submission in batch]
    if any(
        submission.request and not isinstance(place, range) for submission, place in zip(batch, places, strict=True)
    ):
        return None  # what its key came with before, only a look tells, and that is the first thing to be told
    columns, statement = _columns(firsts, admission.runs), _APPEND
    if admission.holders or admission.requests:
        columns, statement = [*columns, *_named_columns(admission)], _APPEND_NAMED
    [answer] = await connection.answer(statement, columns)
    if answer is None:
        return None
    head = int(answer)
    return [range(place.start + head, place.stop + head) if isinstance(place, range) else place for place in places]


async def _after_a_look(connection: AsyncConnection, batch: Sequence[Submission]) -> list[Answer]:
    """Two round trips, with the log locked between them."""
    async with connection.pipeline(), connection.transaction():
        await connection.execute("SELECT log.take_turn()")
        admission = Admission(await _seen(connection, batch))
        answers = [_judged(admission, submission) for submission in batch]
        if admission.runs:
            await connection.execute(_APPEND, _columns(_firsts(admission.runs), admission.runs), prepare=True)
            await _write_others(connection, admission)
    return answers


def _firsts(runs: Iterable[Stored]) -> dict[str, int]:
    """With which version the runs begin in each stream."""
    firsts: dict[str, int] = {}
    for run in runs:
        firsts.setdefault(run.stream, run.first)
    return firsts


def _judged(admission: Admission, submission: Submission) -> Answer:
    try:
        return admission.admit(submission)
    except NameTaken as refusal:
        # In doubt, it may still be carried out once the name is given back: nobody may be told that it was refused.
        return Unavailable("It is not known whether the change was recorded.") if submission.in_doubt else refusal
    except (VersionConflict, RequestReused) as refusal:
        return refusal


async def _seen(connection: AsyncConnection, batch: Sequence[Submission]) -> Seen:
    """Everything that the batch is about. The queries travel together and cost one round trip."""
    streams = {run.stream for submission in batch for run in submission.runs}
    names = {(r.scope, r.name) for s in batch for r in s.reservations if not isinstance(r, GiveBackAll)}
    givers = {s.stream for s in batch if any(isinstance(r, GiveBackAll) for r in s.reservations)}
    requests = {submission.request.causation_id for submission in batch if submission.request}
    doubts = {run.stream for submission in batch if submission.in_doubt for run in submission.runs}
    last = await connection.execute("SELECT coalesce(max(position), 0) FROM log.events")
    versions = await _asked(
        connection,
        "SELECT stream, last.version FROM unnest(%s::text[]) AS stream, LATERAL"
        " (SELECT version FROM log.events WHERE events.stream = stream.stream ORDER BY version DESC LIMIT 1) AS last",
        streams,
    )
    wanted = await _asked(
        connection,
        "SELECT scope, name, holder FROM unnest(%s::text[], %s::text[]) AS wanted (scope, name)"
        " JOIN log.reservations USING (scope, name)",
        [scope for scope, _ in names],
        [name for _, name in names],
    )
    held = await _asked(
        connection, "SELECT scope, name, holder FROM log.reservations WHERE holder = ANY(%s::text[])", givers
    )
    asked = await _asked(
        connection, "SELECT causation_id, fingerprint FROM log.requests WHERE causation_id = ANY(%s::text[])", requests
    )
    recorded = await _asked(
        connection, "SELECT stream, version, position, state FROM log.events WHERE stream = ANY(%s::text[])", doubts
    )
    return Seen(
        position=(await last.fetchall())[0][0],
        versions=dict(await _rows(versions)),
        holders={(scope, name): holder for scope, name, holder in (*await _rows(wanted), *await _rows(held))},
        fingerprints=dict(await _rows(asked)),
        recorded={(stream, version): (place, state) for stream, version, place, state in await _rows(recorded)},
    )


async def _asked(
    connection: AsyncConnection, query: LiteralString, *about: Collection[str]
) -> AsyncCursor[tuple[Any, ...]] | None:
    """Send the query, unless it is about nothing."""
    return await connection.execute(query, [list(column) for column in about]) if about[0] else None


async def _rows(cursor: AsyncCursor[tuple[Any, ...]] | None) -> Sequence[tuple[Any, ...]]:
    return await cursor.fetchall() if cursor else ()


def _columns(firsts: Mapping[str, int], runs: Sequence[Stored]) -> list[Array]:
    """What ``log.append`` is given: the version that each stream goes on with, and the events."""
    streams = [run.stream for run in runs for _ in run.tags]
    versions = [version for run in runs for version in range(run.first, run.last + 1)]
    tags = [tag for run in runs for tag in run.tags]
    states = [state for run in runs for state in run.states]
    return [texts(firsts), integers(firsts.values()), texts(streams), integers(versions), texts(tags), blobs(states)]


def _named_columns(admission: Admission) -> list[Array]:
    """What ``log.append_named`` is given besides: who takes which names, and the requests with the places they fill."""
    holders = [(*name, holder) for name, holder in admission.holders.items() if holder]
    requests = [
        (one.causation_id, one.fingerprint, stream, first, last) for one, stream, first, last in admission.requests
    ]
    scopes, names, streams = zip(*holders, strict=True) if holders else ((), (), ())
    causations, fingerprints, requested, firsts, lasts = zip(*requests, strict=True) if requests else ((),) * 5
    held = [texts(scopes), texts(names), texts(streams)]
    return [*held, texts(causations), texts(fingerprints), texts(requested), integers(firsts), integers(lasts)]


async def _write_others(connection: AsyncConnection, admission: Admission) -> None:
    """Reservations, sealed secrets and requests."""
    if admission.holders:
        await _write_reservations(connection, admission.holders)
    cursor = connection.cursor()
    if admission.sealed:
        await cursor.executemany(
            "INSERT INTO vault.secrets (scope, secret_id, version, generation, nonce, ciphertext)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [(s.scope, s.secret_id, s.version, s.generation, s.nonce, s.ciphertext) for s in admission.sealed],
        )
    if admission.requests:
        await cursor.executemany(
            "INSERT INTO log.requests (causation_id, fingerprint, stream, first_position, last_position)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(r.causation_id, r.fingerprint, stream, first, last) for r, stream, first, last in admission.requests],
        )


async def _write_reservations(connection: AsyncConnection, holders: Mapping[Name, str | None]) -> None:
    cursor = connection.cursor()
    await cursor.executemany("DELETE FROM log.reservations WHERE scope = %s AND name = %s", list(holders))
    if taken := [(*name, holder) for name, holder in holders.items() if holder]:
        await cursor.executemany("INSERT INTO log.reservations (scope, name, holder) VALUES (%s, %s, %s)", taken)
