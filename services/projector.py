"""The projector: applies each fact of the log to the read models, as soon as it is there."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NoReturn

import structlog
from prometheus_client import Counter, Gauge, Histogram
from psycopg import AsyncConnection

from adapters import growths, readmodels, tables
from adapters.bell import Bell
from adapters.database import PROJECTED, Database
from adapters.eventlog import EventLog
from adapters.folding import Folding, UnprojectableFact, fold
from adapters.growths import Growth
from adapters.mapping import UnreadableFact
from adapters.readmodels import Overtaken, live
from domain.history import Recorded
from domain.rejection import Conflict
from projections.catalogue import ALL
from projections.changes import ReadModel
from services.growers import grow
from services.growing import clean, reason, sound
from services.offices import LONGEST_PAUSE, PASSING, hold

PAGE = 500
"""So many facts in one transaction."""
POLL_SECONDS = 1.0
"""A bell may be lost; then so long passes at the most."""

_facts = Counter("shipbook_projected_facts_total", "Facts applied to the read models.")
_behind = Gauge("shipbook_projection_lag_facts", "Facts that a read model is behind the log.", ["model"])
_stopped = Gauge("shipbook_projection_stopped", "1 for a read model that gave up at a fact, or cannot grow.", ["model"])
_delay = Histogram(
    "shipbook_projection_delay_seconds",
    "From a command's time until its facts can be looked up.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
)

log = structlog.get_logger(__name__)


class Projector:
    """Keeps the read models up with the log, under a leader lock: any number of processes may run one."""

    def __init__(self, database: Database, events: EventLog, models: Mapping[str, ReadModel] = ALL) -> None:
        self._database = database
        self._events = events
        self._models = models
        self._shapes = {name: tables.fingerprint(model) for name, model in models.items()}
        self._positions: dict[str, int] = {}
        """The live generations that go on, and how far each is."""
        self._looked = 0.0
        """When that was last looked up (``time.monotonic``)."""
        self._growing = False
        """Whether one of them is missing, or has rows of another shape: then nobody may take our word for all."""

    async def run(self) -> NoReturn:
        """Project until cancelled; whatever passes by waiting is waited out."""
        await hold(self._database, "projector", self._lead)

    async def _lead(self, connection: AsyncConnection) -> None:
        await clean(self._database, self._models.values())
        await readmodels.hasten(connection)
        with self._database.bell() as bell:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._renew(bell))
                group.create_task(self._follow(connection, bell))

    async def _renew(self, bell: Bell) -> None:
        """Grow what must grow: in one pass, or each on its own if one of them cannot."""
        models = await self._needy()
        if models and not await self._grown(models) and len(models) > 1:
            for model in await self._needy():
                await self._grown([model])
        self._looked = 0.0
        bell.ring()
        await self._serve()

    async def _serve(self) -> NoReturn:
        """Grow what operators ask for, for ever; what a former leader left undone is gone on with."""
        with self._database.bell(PROJECTED, about="growths") as bell:  # which nobody names: look when told to
            while True:
                bell.clear()
                async with self._database.connection() as connection:
                    found = await growths.growths(connection)
                asked = [one for one in found.values() if one.asked and one.model in self._models]
                if asked:
                    await self._grow_asked(asked)
                else:
                    await bell.wait(POLL_SECONDS)

    async def _grow_asked(self, asked: Sequence[Growth]) -> None:
        accept = asked[0].accept
        models = [self._models[one.model] for one in asked if one.accept == accept]
        try:
            await grow(self._database, self._events, models, accept=accept)
        except PASSING:
            raise
        except Conflict as refused:
            log.warning("a growth that was asked for is refused", reason=str(refused))
            await asyncio.sleep(POLL_SECONDS)
        except Exception as problem:  # noqa: BLE001 - it is noted with the growth, and the live one goes on
            log.error("a growth that was asked for ends", reason=reason(problem))  # noqa: TRY400 - said in full
        self._looked = 0.0

    async def _needy(self) -> list[ReadModel]:
        """The read models that are not there, gave up, or whose rows have another shape than ours."""
        async with self._database.connection() as connection:
            found = await readmodels.checkpoints(connection)
        return [model for name, model in self._models.items() if not sound(found.get(live(name)), model)]

    async def _grown(self, models: Sequence[ReadModel]) -> bool:
        try:
            await grow(self._database, self._events, models)
        except PASSING:
            raise
        except Conflict:  # an operator is at it; what he leaves undone is ours
            await asyncio.sleep(POLL_SECONDS)
            left = [model for model in await self._needy() if model in models]
            return not left or await self._grown(left)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the other read models go on
            if len(models) == 1:
                await self._give_up(models[0].name, problem)
            return False
        return True

    async def _follow(self, connection: AsyncConnection, bell: Bell) -> None:
        self._looked = 0.0
        while True:
            if time.monotonic() - self._looked > POLL_SECONDS:
                await self._look(connection)
            await self._step(connection, bell)

    async def _step(self, connection: AsyncConnection, bell: Bell) -> None:
        bell.clear()
        try:
            slowest = min(self._positions.values(), default=None)
            if slowest is not None and (facts := await self._events.following(slowest, PAGE)):
                await self._project(connection, list(self._positions), facts)
                _facts.inc(len(facts))
                _delay.observe(max(0.0, (datetime.now(UTC) - facts[-1].context.at).total_seconds()))
            else:
                await bell.wait(POLL_SECONDS)
        except Overtaken:
            await self._look(connection)
        except UnreadableFact as problem:  # a newer version of Shipbook wrote it, and must read it
            log.error("projecting stops", reason=str(problem))  # noqa: TRY400 - the message says all
            await bell.wait(LONGEST_PAUSE)

    async def _look(self, connection: AsyncConnection) -> None:
        """See which generations go on, and from where: a rebuild may have put another one in its place."""
        self._looked = time.monotonic()
        found = await readmodels.checkpoints(connection)
        head = await self._events.head()
        self._positions, self._growing = {}, False
        for name, shape in self._shapes.items():
            checkpoint = found.get(live(name))
            if checkpoint is None or checkpoint.fingerprint != shape:
                self._growing = True
                continue
            _behind.labels(name).set(max(0, head - checkpoint.position))
            _stopped.labels(name).set(checkpoint.stopped_at is not None)
            if checkpoint.stopped_at is None:
                self._positions[name] = checkpoint.position

    async def _project(self, connection: AsyncConnection, names: Sequence[str], facts: Sequence[Recorded]) -> None:
        """Apply the facts. If a read model cannot take one of them, parting shows which: it stops there, alone."""
        try:
            await self._apply(connection, [name for name in names if name in self._positions], facts)
        except (*PASSING, Overtaken):
            raise
        except Exception as problem:  # noqa: BLE001 - whatever it is, the other read models go on
            half = len(facts) // 2
            if len(names) > 1:
                for name in names:
                    await self._project(connection, [name], facts)
            elif half:
                await self._project(connection, names, facts[:half])
                await self._project(connection, names, facts[half:])
            else:
                await self._give_up(names[0], problem, facts[0].position)

    async def _apply(self, connection: AsyncConnection, names: Sequence[str], facts: Sequence[Recorded]) -> None:
        foldings = [Folding(self._models[name], self._positions[name]) for name in names]
        fold(foldings, facts)
        news = [folding for folding in foldings if folding.position > folding.former]
        if news:
            positions = self._positions | {folding.model.name: folding.position for folding in news}
            await readmodels.apply(connection, news, 0 if self._growing else min(positions.values()))
            self._positions = positions

    async def _give_up(self, name: str, problem: Exception, position: int = 0) -> None:
        """Stop one read model, aloud. It is tried again when it is rebuilt, or by the next leader."""
        position = problem.position if isinstance(problem, UnprojectableFact) else position
        async with self._database.connection() as connection:
            await readmodels.stop(connection, live(name), position, reason(problem))
        self._positions.pop(name, None)
        _stopped.labels(name).set(1)
        log.error("a read model gives up", model=name, position=position, reason=reason(problem))
