"""What operators see of the read models, and what they may ask for: from any process of the plane."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from psycopg import AsyncConnection

from adapters import growths, readmodels
from adapters.database import PROJECTED, Database, Unavailable
from adapters.growths import Growth
from adapters.leadership import held, office_of_growth
from domain.fact import Value
from domain.rejection import Conflict, NotFound
from projections.catalogue import ALL
from projections.changes import ReadModel

LOOK_SECONDS = 1.0
"""A bell may be lost; then so long passes at the most."""


class Standing(Value):
    """How far a read model is behind the log, in facts; one that was never grown is at position 0.

    ``stopped_at`` is the position of the fact at which it gave up, ``fact_id`` and ``tag`` name that fact, and
    ``reason`` says why. ``growth`` is the one under way, or the last one; ``under_way``: somebody is at it.
    """

    model: str
    position: int
    behind: int
    stopped_at: int | None = None
    fact_id: str | None = None
    tag: str | None = None
    reason: str | None = None
    growth: Growth | None = None
    under_way: bool = False


class Operations:
    """The operator's view of the read models. Every method raises ``Unavailable`` while the database is away."""

    def __init__(self, database: Database, models: Mapping[str, ReadModel] = ALL) -> None:
        self._database = database
        self._models = models
        self._laid_out = False

    async def standings(self) -> list[Standing]:
        """Every read model's standing."""
        async with self._connection() as connection:
            found = await readmodels.checkpoints(connection)
            grown = await growths.growths(connection)
            busy = await held(connection, [office_of_growth(name) for name in self._models])
            rows = await _facts(connection, [one.stopped_at for one in found.values() if one.stopped_at])
            head = await _head(connection)
        return [
            _standing(
                name, head, found.get(readmodels.live(name)), grown.get(name), rows, office_of_growth(name) in busy
            )
            for name in self._models
        ]

    async def ask(self, names: Sequence[str], *, accept: bool = False) -> None:
        """Let whoever leads the projector grow these read models again.

        Raises ``NotFound`` for an unknown name, ``Conflict`` where a growth is under way.
        """
        self.require(names)
        async with self._connection() as connection:
            busy = await held(connection, [office_of_growth(name) for name in names])
            if taken := [name for name in names if office_of_growth(name) in busy]:
                raise Conflict(f"Already being rebuilt: {', '.join(taken)}.", code="rebuilding")
            await growths.ask(connection, names, accept=accept)

    async def cancel(self, names: Sequence[str]) -> list[str]:
        """Stop growths; what has grown is kept for a day. Those that there were to stop. Raises ``NotFound``."""
        self.require(names)
        async with self._connection() as connection:
            return await growths.cancel(connection, names)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with self._database.connection() as connection:
            if not self._laid_out:
                await readmodels.lay_out(connection)
                self._laid_out = True
            yield connection

    def require(self, names: Sequence[str]) -> None:
        """Raise ``NotFound`` for a name that no read model has."""
        if unknown := [name for name in names if name not in self._models]:
            raise NotFound(f"There is no read model {', '.join(unknown)}. There are: {', '.join(self._models)}.")

    async def changes(self) -> AsyncGenerator[list[Standing], None]:
        """The standings, and again whenever they may have changed; at least every ``LOOK_SECONDS``."""
        with self._database.bell(PROJECTED) as bell:
            while True:
                bell.clear()
                with suppress(Unavailable):
                    yield await self.standings()
                await bell.wait(LOOK_SECONDS)


async def _head(connection: AsyncConnection) -> int:
    cursor = await connection.execute("SELECT coalesce(max(position), 0) FROM log.events")
    [(head,)] = await cursor.fetchall()
    return int(head)


async def _facts(connection: AsyncConnection, positions: Sequence[int]) -> dict[int, tuple[str, str]]:
    """The id and the tag of the facts at these positions."""
    cursor = await connection.execute(
        "SELECT position, stream || '@' || version, tag FROM log.events WHERE position = ANY(%s)", [list(positions)]
    )
    return {position: (fact_id, tag) for position, fact_id, tag in await cursor.fetchall()}


def _standing(
    model: str,
    head: int,
    checkpoint: readmodels.Checkpoint | None,
    growth: Growth | None,
    facts: Mapping[int, tuple[str, str]],
    busy: bool,
) -> Standing:
    if checkpoint is None:
        reason = "It was never grown."
        return Standing(model=model, position=0, behind=head, reason=reason, growth=growth, under_way=busy)
    fact_id, tag = facts.get(checkpoint.stopped_at or 0, (None, None))
    return Standing(
        model=model,
        position=checkpoint.position,
        behind=max(0, head - checkpoint.position),
        stopped_at=checkpoint.stopped_at,
        fact_id=fact_id,
        tag=tag,
        reason=checkpoint.reason,
        growth=growth,
        under_way=busy,
    )
