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
from adapters.database import Unavailable
from adapters.readmodels import checkpoints, live
from adapters.runtime.toolchains import Toolchains
from commands import environment
from domain.rejection import Rejection
from projections import releases
from projections.releases import ReleaseRow
from services.wiring import Core

PERIOD_SECONDS = 600.0
GRACE = timedelta(hours=1)
"""So long the files of a release stay once it has expired."""
UNTOUCHED = timedelta(days=1)
"""So long those stay that a build or a promotion has counted on last, whether a release of them is known or not."""

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

    async def run(self) -> NoReturn:
        """Remove until cancelled; what a round fails at, the next one tries again."""
        while True:
            try:
                await self.look()
            except (Unavailable, Rejection, OSError) as problem:
                log.warning("what nobody needs could not be removed", reason=str(problem))
            await asyncio.sleep(PERIOD_SECONDS)

    async def look(self) -> None:
        """Remove what nobody needs."""
        found = {
            "artifact": await self._artifacts(),
            "artifact being written": await asyncio.to_thread(self.artifacts.sweep),
            "toolchain being fetched": await asyncio.to_thread(self.toolchains.sweep),
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
        if not idle or not await self._up_to_date():
            return 0
        made = defaultdict[str, list[ReleaseRow]](list)
        for row in await releases.made_of(self.core.reader, idle):
            made[row.artifact].append(row)
        removed = 0
        for digest in idle:
            if await self._needless(made[digest]):
                removed += await self.artifacts.remove(digest, since)
        return removed

    async def _up_to_date(self) -> bool:
        """Whether the read model knows every release that the log knows at this moment."""
        head = await self.core.log.head()
        for _ in range(LOOKS):
            async with self.core.database.connection() as connection:
                standing = (await checkpoints(connection)).get(live(releases.MODEL.name))
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
