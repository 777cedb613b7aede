"""Lets releases expire: of each environment those that are not among its newest, in use, or pinned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

import structlog
from prometheus_client import Counter

from commands import environment, retention
from commands.keeping import ExpireRelease
from domain.history import Actor, Context
from domain.identifiers import CausationId, EnvironmentId, RequestId, TenantId, derived
from domain.rejection import Conflict
from projections import environments, releases
from projections.releases import ReleaseRow
from services.offices import rounds
from services.wiring import Core

PERIOD_SECONDS = 300.0
YOUNG = timedelta(hours=1)
"""A release that is younger may still be on its way to become live."""

_expired = Counter("shipbook_releases_expired_total", "Releases that expired.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Expiring:
    """Any number of processes may run one; one of them works.

    The read models tell of which releases to ask; the environment decides, on the stream where it makes them live.
    """

    core: Core
    young: timedelta = YOUNG

    async def run(self) -> None:
        """Look every few minutes, for ever."""
        await rounds(self.core.database, "release retention", PERIOD_SECONDS, self.look)

    async def look(self) -> None:
        """Let expire what need not be kept."""
        there = {row.id for row in await environments.serving(self.core.reader)}
        before = self.core.clock.now() - self.young
        expired = 0
        for place, rows in groupby(await releases.unexpired(self.core.reader), attrgetter("environment_id")):
            mine = list(rows)
            kept = await self._kept(mine[0].tenant_id, place, deleted=place not in there)
            for row in surplus(mine, kept):
                if row.created_at < before:
                    expired += await self._expire(row)
        if expired:
            _expired.inc(expired)
            log.info("releases expired", releases=expired)

    async def _kept(self, tenant: TenantId, place: EnvironmentId, *, deleted: bool) -> int:
        """How many of the environment's newest releases stay."""
        if deleted and (await self.core.handler.state(environment.DECIDER, place, tenant)).closed:
            return 0
        policy = (await self.core.handler.state(retention.DECIDER, tenant, tenant)).policy
        return self.core.settings.releases_kept if policy.releases is None else policy.releases

    async def _expire(self, row: ReleaseRow) -> bool:
        """Whether the release expired now."""
        causation = CausationId(derived(CausationId(row.id), "expired"))
        context = Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="retention"),
            correlation_id=RequestId(causation),
            causation_id=causation,
            at=self.core.clock.now(),
        )
        command = ExpireRelease(environment_id=row.environment_id, release_id=row.id, deployment_number=row.number)
        try:
            caused = await self.core.handler.handle(command, context)
        except Conflict as busy:
            log.info("a release expires another time", release=row.id, reason=busy.message)
            return False
        return bool(caused.facts) and not caused.replayed


def surplus(rows: Sequence[ReleaseRow], kept: int) -> Sequence[ReleaseRow]:
    """Those of an environment's releases that are not among the newest and not pinned, the newest first."""
    newest_first = sorted(rows, key=lambda row: row.number, reverse=True)
    return [row for row in newest_first[kept:] if not row.pinned]
