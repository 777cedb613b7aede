"""Removes what this machine keeps for nobody: the files of expired releases, and what dead processes left."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import structlog
from prometheus_client import Counter

from adapters.artifacts import Artifacts
from adapters.readmodels import checkpoints, live
from adapters.runtime.toolchains import Toolchains
from adapters.workplaces import clear_dead
from commands import environment, release
from domain.rejection import Rejection
from projections import environments, releases
from projections.changes import ReadModel
from projections.releases import ReleaseRow
from services.offices import PASSING
from services.wiring import Core

PERIOD_SECONDS = 600.0
GRACE = timedelta(hours=1)
"""So long the files of a release stay once it has expired."""
UNTOUCHED = timedelta(days=1)
"""So long those stay that a build or a promotion has counted on last, whether a release of them is known or not."""

UNUSED = timedelta(days=30)
"""So long a tool stays that no build asks for and that nothing runs with."""
LOOKS, LOOK_SECONDS = 50, 0.1
"""How often the read model is looked at until it has come to where the log was."""

_collected = Counter("shipbook_orphans_collected_total", "Things that nobody needed, and were removed.", ["kind"])

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Collecting:
    """Looks again and again. Executors on the same machine may each run one.

    The read model tells which releases an artifact has, if it has come as far as the log; that each of them has
    expired, the log itself tells. What expired once never runs again, so only a later release can need the artifact,
    and whoever makes one touches the artifact first.
    """

    core: Core
    artifacts: Artifacts
    toolchains: Toolchains
    grace: timedelta = GRACE
    untouched: timedelta = UNTOUCHED
    unused: timedelta = UNUSED

    async def run(self) -> NoReturn:
        """Remove until cancelled; what a round fails at, the next one tries again."""
        while True:
            try:
                await self.look()
            except (*PASSING, Rejection) as problem:
                log.warning("what nobody needs could not be removed", reason=str(problem))
            await asyncio.sleep(PERIOD_SECONDS)

    async def look(self) -> None:
        """Remove what nobody needs."""
        found = {
            "artifact": await self._artifacts(),
            "artifact being written": await asyncio.to_thread(self.artifacts.sweep),
            "toolchain": await self._toolchains(),
            "toolchain being fetched": await asyncio.to_thread(self.toolchains.sweep),
            "work place": await asyncio.to_thread(clear_dead, self.core.settings.builds_dir),
        }
        removed = {kind: count for kind, count in found.items() if count}
        for kind, count in removed.items():
            _collected.labels(kind).inc(count)
        if removed:
            log.info("removed what nobody needs", **{kind.replace(" ", "_"): count for kind, count in removed.items()})

    async def _artifacts(self) -> int:
        """How many artifacts were removed."""
        now = self.core.clock.now()
        since = (now - self.untouched).timestamp()
        idle = await asyncio.to_thread(self.artifacts.untouched, since)
        if not idle or not await self._up_to_date(releases.MODEL):
            return 0
        made = defaultdict[str, list[ReleaseRow]](list)
        for row in await releases.made_of(self.core.reader, idle):
            made[row.artifact].append(row)
        removed = 0
        for digest in idle:
            if await self._needless(made[digest]):
                removed += await self.artifacts.remove(digest, since)
        return removed

    async def _toolchains(self) -> int:
        """How many tools were removed that no build asked for, and that nothing runs with."""
        since = (self.core.clock.now() - self.unused).timestamp()
        idle = set(await asyncio.to_thread(self.toolchains.unused, since))
        if not idle or not await self._up_to_date(environments.MODEL):
            return 0
        for row in await environments.serving(self.core.reader):
            running = {row.active_release_id, row.activating_release_id, row.former_release_id}
            for release_id in filter(None, running):
                cut = (await self.core.handler.state(release.DECIDER, release_id, row.tenant_id)).cut
                idle -= set(cut.surroundings.tools) if cut else set()
        return sum([await asyncio.to_thread(self.toolchains.remove, tool, since) for tool in idle])

    async def _up_to_date(self, model: ReadModel) -> bool:
        """Whether the read model knows everything that the log knows at this moment."""
        head = await self.core.log.head()
        for _ in range(LOOKS):
            async with self.core.database.connection() as connection:
                standing = (await checkpoints(connection)).get(live(model.name))
            if standing is None or standing.stopped_at is not None:
                return False
            if standing.position >= head:
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def _needless(self, made: Sequence[ReleaseRow]) -> bool:
        """Whether all the releases that were built to the same have expired for a while."""
        before = self.core.clock.now() - self.grace
        if any(row.expired_at is None or row.expired_at > before for row in made):
            return False
        for row in made:
            state = await self.core.handler.state(environment.DECIDER, row.environment_id, row.tenant_id)
            if row.id not in state.keeping.expired or row.id in {state.active, state.activating}:
                return False
        return True
