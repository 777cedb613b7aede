"""Growing read models again from the log: beside the live ones, in bulk, and from where a former growth came to.

Loading folds pages of facts in memory and copies the rows; then indexes are made, the grown rows are compared with the
live ones at one position, and the grown generation takes the live one's place. Each step may be killed at any moment
and is gone on with by the next growth of the same read model.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from itertools import cycle, islice
from typing import TypeVar

import msgspec
import psycopg
import structlog
from prometheus_client import Gauge
from psycopg import AsyncConnection, errors

from adapters import growths, readmodels, tables
from adapters.bulk import Order
from adapters.comparing import Comparison, compare
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.folding import UnprojectableFact
from adapters.growths import Growth, Phase
from adapters.leadership import connected, office_of_growth, take
from adapters.readmodels import Checkpoint, Portion, growing, live
from domain.rejection import Conflict
from projections.changes import ReadModel
from projections.phrases import counted

FACTS_AT_ONCE = 10_000
"""Facts of a page, which is a transaction."""
AHEAD = 2
"""So many pages more than there are folders are ordered at a time. One takes about 6 MB."""
KEPT = timedelta(days=1)
"""So long what a growth left is kept, so that the next one goes on from there."""
_DROP_SECONDS = 5
LANES = 2
"""So many read models are indexed, and then compared, at a time, each over a connection of its own."""

_differing = Gauge(
    "shipbook_projection_differences", "Rows that a grown read model has otherwise than the live one.", ["model"]
)
_progress = Gauge("shipbook_projection_growth_facts", "Facts that a growth of a read model has loaded.", ["model"])

log = structlog.get_logger(__name__)

T = TypeVar("T")
Tell = Callable[[Growth], None]
Fold = Callable[[Order], Awaitable[list[Portion]]]
"""Folds a page somewhere; see ``adapters.bulk``."""


class Stopped(Exception):
    """Somebody asked to stop the growths of ``models``; what has grown is kept."""

    def __init__(self, models: Sequence[str]) -> None:
        super().__init__(f"The growth of {', '.join(models)} was cancelled. The next one goes on from there.")
        self.models = models


def silent(growth: Growth) -> None:
    """Tell nobody."""


async def grow(
    database: Database,
    events: EventLog,
    models: Sequence[ReadModel],
    folds: Sequence[Fold],
    *,
    accept: bool = False,
    afresh: bool = False,
    tell: Tell = silent,
) -> None:
    """Grow new generations of ``models`` in one pass over the log, and put them in the live ones' place.

    Pages are folded by ``folds`` in turns, and loaded here in their order. A live generation that could go on is only
    replaced by equal rows, unless ``accept``. ``afresh`` begins anew what a former growth has left. Raises ``Conflict``
    where somebody else is at it or rows differ, ``Stopped``, and ``UnprojectableFact`` for the first read model that
    could not; the others are done by then.
    """
    async with connected(database) as connection:
        await readmodels.lay_out(connection)
        await readmodels.hasten(connection)
        for model in models:
            if not await take(connection, office_of_growth(model.name), 1.0):
                raise Conflict(f"The read model {model.name} is being rebuilt already.", code="rebuilding")
        work = _Work(connection, database, events, list(models), folds, accept, tell)
        for model in models:
            await work.begin(model, afresh=afresh)
        await work.finish()


async def clean(database: Database, models: Iterable[ReadModel]) -> None:
    """Drop what nobody will go on with: replaced generations, and what growths left that is old or of other code."""
    async with connected(database) as connection:
        await readmodels.lay_out(connection)
        for model in models:
            if await take(connection, office_of_growth(model.name), 0.01):
                await readmodels.drop(connection, readmodels.former(model.name))
                if await _resumable(connection, model) is None:
                    await readmodels.drop(connection, growing(model.name))


async def _resumable(connection: AsyncConnection, model: ReadModel) -> int | None:
    """The position from which a growth can go on, if there is one."""
    checkpoint = (await readmodels.checkpoints(connection)).get(growing(model.name))
    growth = (await growths.growths(connection)).get(model.name)
    if checkpoint is None or growth is None or checkpoint.fingerprint != tables.fingerprint(model):
        return None
    fresh = growths.now() - growth.updated_at < KEPT
    return checkpoint.position if fresh and growth.code == growths.code() else None


def sound(checkpoint: Checkpoint | None, model: ReadModel) -> bool:
    """Whether a live generation goes on from where it is."""
    if checkpoint is None or checkpoint.stopped_at is not None:
        return False
    return checkpoint.fingerprint == tables.fingerprint(model)


class _Work:
    """The growth of some read models, over a connection that holds their offices."""

    def __init__(
        self,
        connection: AsyncConnection,
        database: Database,
        events: EventLog,
        models: list[ReadModel],
        folds: Sequence[Fold],
        accept: bool,
        tell: Tell,
    ) -> None:
        self._connection = connection
        self._database = database
        self._events = events
        self._left = models
        self._folds = cycle(folds)
        self._ahead = len(folds) + AHEAD
        self._accept = accept
        self._tell = tell
        self._turn = asyncio.Lock()
        """Of those who compare, one at a time works over the connection with the offices."""
        self._positions: dict[str, int] = {}
        self._began = growths.now()
        self._began_position = 0

    async def begin(self, model: ReadModel, *, afresh: bool) -> None:
        """Go on where a former growth came to, or begin."""
        await readmodels.drop(self._connection, readmodels.former(model.name))
        position = None if afresh else await _resumable(self._connection, model)
        if position is None:
            await readmodels.begin(self._connection, model)
        await growths.begin(self._connection, model.name, position or 0, accept=self._accept)

    async def finish(self) -> None:
        """Do all that is left; what cannot go on is left out, and told at the end."""
        problems: list[Exception] = []
        try:
            while self._left:
                try:
                    problems += await self._pass()
                except UnprojectableFact as problem:
                    await self._leave([problem.model], Phase.FAILED, str(problem))
                    problems.append(problem)
                except Stopped as problem:
                    await self._leave(problem.models, Phase.CANCELLED, None)
                    problems.append(problem)
        except asyncio.CancelledError:
            await self._end_all(Phase.CANCELLED, None)
            raise
        except Exception as problem:
            await self._end_all(Phase.FAILED, reason(problem))
            raise
        if problems:
            raise problems[0]

    async def _leave(self, names: Sequence[str], phase: Phase, why: str | None) -> None:
        self._left = [model for model in self._left if model.name not in names]
        await growths.end(self._connection, names, phase, why)

    async def _end_all(self, phase: Phase, why: str | None) -> None:
        """Note the end on another connection, as ours may be broken or busy."""
        with suppress(Exception):
            async with self._database.connection() as connection:
                await growths.end(connection, [model.name for model in self._left], phase, why)

    async def _pass(self) -> list[Exception]:
        found = await readmodels.checkpoints(self._connection)
        self._positions = {model.name: found[growing(model.name)].position for model in self._left}
        self._began, self._began_position = growths.now(), min(self._positions.values())
        await self._load(self._left, await self._target())
        await self._move([model.name for model in self._left], Phase.INDEXING, await self._target())
        await _side_by_side(self._index, self._left)
        await self._load(self._left, await self._target())
        return [problem for problem in await _side_by_side(self._settle, self._left) if problem]

    async def _index(self, model: ReadModel) -> None:
        async with self._database.connection() as connection:
            await readmodels.index(connection, model)

    async def _target(self) -> int:
        """How far to load: to where the live generations are that the grown ones are compared with, else to the end."""
        found = await readmodels.checkpoints(self._connection)
        lived = [found.get(live(model.name)) for model in self._left if sound(found.get(live(model.name)), model)]
        return min((checkpoint.position for checkpoint in lived if checkpoint), default=await self._events.head())

    async def _load(self, models: Sequence[ReadModel], until: int) -> None:
        """Load what the models have not, up to ``until``, while the pages that follow are folded."""
        orders = iter(self._orders(models, until))
        ordered: deque[tuple[Order, asyncio.Future[list[Portion]]]] = deque()
        try:
            while True:
                for order in islice(orders, self._ahead - len(ordered)):
                    ordered.append((order, asyncio.ensure_future(next(self._folds)(order))))
                if not ordered:
                    return
                order, folding = ordered[0]
                position = await self._copy(order, await folding, until)
                ordered.popleft()
                if position < order.until:
                    return  # as far as can be: the projector stops there, too
        finally:
            for _, folding in ordered:
                folding.cancel()
            await asyncio.gather(*(folding for _, folding in ordered), return_exceptions=True)

    def _orders(self, models: Sequence[ReadModel], until: int) -> Iterator[Order]:
        """The pages that the models have not loaded."""
        positions = {model.name: self._positions[model.name] for model in models}
        for after in range(min(positions.values()), until, FACTS_AT_ONCE):
            end = min(after + FACTS_AT_ONCE, until)
            behind = {name: max(position, after) for name, position in positions.items() if position < end}
            if behind:
                yield Order(positions=behind, until=end)

    async def _copy(self, order: Order, page: list[Portion], until: int) -> int:
        """Load a page; the position that it passes."""
        try:
            await readmodels.load(self._connection, page)
        except (errors.UniqueViolation, errors.DataError):
            page = await next(self._folds)(msgspec.structs.replace(order, plain=True))
            await readmodels.load(self._connection, page)
        for portion in page:
            self._positions[portion.model] = portion.position
            _progress.labels(portion.model).set(portion.position)
        await self._move(list(order.positions), Phase.LOADING, until)
        return min(portion.position for portion in page)

    async def _move(self, names: Sequence[str], phase: Phase, head: int) -> None:
        position = min(self._positions[name] for name in names)
        stopped = await growths.move(self._connection, names, phase, position, head)
        self._tell(
            Growth(
                model=", ".join(names),
                phase=phase,
                position=position,
                head=head,
                began_position=self._began_position,
                began_at=self._began,
                updated_at=growths.now(),
            )
        )
        if stopped:
            raise Stopped(stopped)

    async def _settle(self, model: ReadModel) -> Conflict | None:
        """Compare the grown generation with the live one, and put it in its place, or say why not."""
        found = await self._compared(model)
        async with self._turn:
            return await self._replace(model, found)

    async def _compared(self, model: ReadModel) -> Comparison:
        """What differs at one position: where the live generation stands while its row is held."""
        async with self._database.connection() as looker, AsyncExitStack() as snapshot:
            async with self._turn:
                await self._move([model.name], Phase.COMPARING, self._positions[model.name])
                found = await readmodels.checkpoints(self._connection)
                if not sound(found.get(live(model.name)), model):
                    return Comparison(0, [])
                async with self._database.connection() as holder, holder.transaction():
                    await self._load([model], await readmodels.hold(holder, model))
                    await snapshot.enter_async_context(looker.transaction())
                    await looker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    await looker.execute("SELECT")  # which takes the snapshot
            return await compare(looker, model)

    async def _replace(self, model: ReadModel, found: Comparison) -> Conflict | None:
        _differing.labels(model.name).set(found.differing)
        if found.differing and not self._accept:
            why = f"The grown rows of {model.name} differ from the live ones: {counted(found.differing, 'row')}"
            await growths.end(self._connection, [model.name], Phase.DIFFERENT, why, *found)
            log.warning("a grown read model differs", model=model.name, rows=found.differing)
            self._left.remove(model)
            return Conflict(f"{why}; look at them, and accept them with --accept-differences.", code="different")
        await self._swap(model)
        await growths.end(self._connection, [model.name], Phase.DONE, None, *found)
        self._left.remove(model)
        return None

    async def _swap(self, model: ReadModel) -> None:
        """Stop the live generation for a moment, pass it, and take its place: readers never see a step back."""
        async with self._connection.transaction():
            await self._load([model], await readmodels.hold(self._connection, model))
            await readmodels.replace(self._connection, model)
        await _drop_former(self._connection, model)


async def _side_by_side(work: Callable[[ReadModel], Awaitable[T]], models: Sequence[ReadModel]) -> list[T]:
    """Do the work for every model, for ``LANES`` of them at a time; the first problem ends it."""
    waiting, done = iter(list(models)), list[T]()

    async def lane() -> None:
        for model in waiting:
            done.append(await work(model))

    lanes = [asyncio.create_task(lane()) for _ in range(LANES)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for task in lanes:
            task.cancel()
        await asyncio.wait(lanes)
    return done


async def _drop_former(connection: AsyncConnection, model: ReadModel) -> None:
    """Readers may still look at it for a moment; what cannot be dropped here is dropped by ``clean``."""
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{_DROP_SECONDS}s"])
            await readmodels.drop(connection, readmodels.former(model.name))
    except errors.LockNotAvailable:
        log.warning("the former generation is still read", model=model.name)


def reason(problem: Exception) -> str:
    """What went wrong, without the row that it went wrong with."""
    said = problem.diag.message_primary if isinstance(problem, psycopg.Error) else str(problem)
    return f"{type(problem).__name__}: {said}"
