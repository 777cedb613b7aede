"""What an operator does to read models: grow them again from the log, and see how far each one is."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing

import structlog
from psycopg import AsyncConnection, errors

from adapters import readmodels
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.folding import Folding
from adapters.leadership import connected, take
from adapters.mapping import UnreadableFact
from domain.fact import Value
from domain.history import Recorded
from domain.rejection import Conflict, NotFound
from projections.catalogue import ALL
from projections.changes import ReadModel

FACTS_AT_ONCE = 10_000
"""A growing generation takes so many facts in one transaction."""
_DROP_SECONDS = 5

log = structlog.get_logger(__name__)


class Growth(Value):
    """How far a rebuild is. ``position`` and ``head`` count facts; times are in seconds."""

    position: int
    head: int
    seconds: float

    @property
    def facts_per_second(self) -> float:
        """The speed since the beginning."""
        return self.position / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        """How long it will still take at this speed."""
        return (self.head - self.position) / self.facts_per_second if self.position else 0.0


class Lag(Value):
    """How far a read model is behind the log, in facts. ``stopped_at`` is the fact at which it gave up, and why."""

    model: str
    position: int
    behind: int
    stopped_at: int | None = None
    reason: str | None = None


def _silent(growth: Growth) -> None:
    """Tell nobody."""


async def rebuild(
    database: Database, events: EventLog, names: Iterable[str], tell: Callable[[Growth], None] = _silent
) -> None:
    """Grow the named read models again, beside the live ones, and put them in their place.

    Readers see the old rows until then. May be killed and repeated at any moment. Raises ``NotFound`` for an unknown
    name, ``Conflict`` where somebody else is at it.
    """
    names = list(names)
    if unknown := [name for name in names if name not in ALL]:
        raise NotFound(f"There is no read model {', '.join(unknown)}. There are: {', '.join(ALL)}.")
    await grow(database, events, [ALL[name] for name in names], tell)


async def lag(database: Database, events: EventLog, models: Mapping[str, ReadModel] = ALL) -> list[Lag]:
    """Every read model's lag; one that was never grown is at position 0."""
    async with database.connection() as connection:
        await readmodels.lay_out(connection)
        found = await readmodels.checkpoints(connection)
    head = await events.head()
    return [_lag(name, head, found.get(readmodels.live(name))) for name in models]


def _lag(model: str, head: int, checkpoint: readmodels.Checkpoint | None) -> Lag:
    if checkpoint is None:
        return Lag(model=model, position=0, behind=head, reason="It was never grown.")
    return Lag(
        model=model,
        position=checkpoint.position,
        behind=max(0, head - checkpoint.position),
        stopped_at=checkpoint.stopped_at,
        reason=checkpoint.reason,
    )


async def grow(
    database: Database, events: EventLog, models: Sequence[ReadModel], tell: Callable[[Growth], None] = _silent
) -> None:
    """Grow new generations of ``models`` in one pass over the log, and put them in the live ones' place."""
    async with connected(database) as connection:
        await readmodels.lay_out(connection)
        await readmodels.hasten(connection)
        for model in models:
            if not await _clear(connection, model, within=1.0):
                raise Conflict(f"The read model {model.name} is being rebuilt already.", code="rebuilding")
            await readmodels.begin(connection, model)
        growing = _Growing(connection, events, models)
        await growing.load(tell=tell)
        for model in models:
            await readmodels.index(connection, model)
        await growing.load()
        for model in models:
            await _swap(_Growing(connection, events, [model], growing.position))


async def clean(database: Database, models: Iterable[ReadModel]) -> None:
    """Drop what growths that were killed have left."""
    async with connected(database) as connection:
        await readmodels.lay_out(connection)
        for model in models:
            await _clear(connection, model, within=0.01)


async def _clear(connection: AsyncConnection, model: ReadModel, within: float) -> bool:
    """Whether nobody else grows this read model while ``connection`` lasts; then the way is clear."""
    free = await take(connection, f"growth of {model.name}", within)
    if free:
        await readmodels.drop(connection, readmodels.former(model.name))
        await readmodels.drop(connection, readmodels.growing(model.name))
    return free


class _Growing:
    """Generations that grow together, and the position that they have reached."""

    def __init__(
        self, connection: AsyncConnection, events: EventLog, models: Sequence[ReadModel], position: int = 0
    ) -> None:
        self.connection = connection
        self.models = models
        self.position = position
        self._events = events

    async def load(self, *, until: int | None = None, tell: Callable[[Growth], None] = _silent) -> None:
        """Load the facts that follow, up to ``until`` or to the end of the log."""
        head, started = await self._events.head(), time.monotonic()
        async with aclosing(self._pages(until)) as pages:
            async for facts in pages:
                foldings = [Folding(model, self.position) for model in self.models]
                for folding in foldings:
                    folding.add(facts)
                await readmodels.load(self.connection, foldings)
                self.position = facts[-1].position
                seconds = time.monotonic() - started
                tell(Growth(position=self.position, head=max(head, self.position), seconds=seconds))

    async def _pages(self, until: int | None) -> AsyncGenerator[list[Recorded], None]:
        """Pages of facts; the next one is read while its predecessor is loaded."""
        reading = asyncio.create_task(self._page(self.position, until))
        try:
            while facts := await reading:
                reading = asyncio.create_task(self._page(facts[-1].position, until))
                yield facts
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _page(self, position: int, until: int | None) -> list[Recorded]:
        limit = FACTS_AT_ONCE if until is None else min(FACTS_AT_ONCE, until - position)
        try:
            return await self._events.notifications(position, limit) if limit > 0 else []
        except UnreadableFact:
            if until is not None:
                raise
            return []  # as far as can be: the projector stops there, too


async def _swap(growing: _Growing) -> None:
    """Stop the live generation for a moment, pass it, and take its place: readers never see a step back."""
    connection, [model] = growing.connection, growing.models
    async with connection.transaction():
        await growing.load(until=await readmodels.hold(connection, model))
        await readmodels.replace(connection, model)
    await _drop_former(connection, model)


async def _drop_former(connection: AsyncConnection, model: ReadModel) -> None:
    """Readers may still look at it for a moment; what cannot be dropped here is dropped by ``clean``."""
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{_DROP_SECONDS}s"])
            await readmodels.drop(connection, readmodels.former(model.name))
    except errors.LockNotAvailable:
        log.warning("the former generation is still read", model=model.name)
