"""Looking for the DNS records of custom domains by ourselves: each at its own time, which its last look set."""

import asyncio

import structlog

from adapters.authority import Authority, installation
from adapters.settings import Settings
from commands import verifying
from commands.custom_domain import RemoveCustomDomain
from domain.history import Actor, Context
from domain.identifiers import CausationId, RequestId, derived, uuid7
from domain.rejection import NotFound, Rejection
from projections import custom_domains, environments
from projections.custom_domains import CustomDomainRow
from services.offices import rounds
from services.wiring import Core

PERIOD_SECONDS = 2.0
SWEEP_SECONDS = 30.0
AT_ONCE = 16
"""So many domains are looked for side by side; each takes ``adapters.authority.LOOK_SECONDS`` at the most."""

log = structlog.get_logger(__name__)


class DnsChecking:
    """Verifies domains whose time has come. Any number of processes may run one; one of them works."""

    def __init__(self, core: Core, settings: Settings) -> None:
        self._core = core
        self._dns = Authority(settings)
        self._installation = installation(settings)

    async def run(self) -> None:
        """Look until cancelled; servers that are away are waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(rounds(self._core.database, "dns checking", PERIOD_SECONDS, self.look))
            tasks.create_task(rounds(self._core.database, "domains of nothing", SWEEP_SECONDS, self.sweep))

    async def look(self) -> None:
        """Look for every domain that is due."""
        due = await custom_domains.due(self._core.reader, self._core.clock.now())
        for start in range(0, len(due), AT_ONCE):
            await asyncio.gather(*(self._verify(row) for row in due[start : start + AT_ONCE]))

    async def sweep(self) -> None:
        """Take up each domain whose environment seems gone; the log tells whether it is."""
        found = await custom_domains.watched(self._core.reader)
        there = {one.id for one in await environments.serving(self._core.reader)}
        for row in found:
            if row.environment_id not in there:
                await self._verify(row)

    async def _verify(self, row: CustomDomainRow) -> None:
        """A look that is done twice, as the read model may be a moment behind, is known by its attempt's number."""
        context = Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="dns checker"),
            correlation_id=RequestId(uuid7()),
            causation_id=CausationId(derived(CausationId(row.id), f"check {row.attempts} {row.next_check_at}")),
            at=self._core.clock.now(),
        )
        try:
            await verifying.verify(self._core.handler, self._dns, self._installation, context, row.id, asked=False)
        except NotFound:
            await self._remove(row, context)
        except Rejection as refused:
            log.warning("a domain could not be checked", host=row.hostname, why=refused.message)

    async def _remove(self, row: CustomDomainRow, context: Context) -> None:
        """What the domain showed is gone, and with it the domain; unless it was itself removed a moment ago."""
        try:
            await self._core.handler.handle(RemoveCustomDomain(domain_id=row.id), context)
        except NotFound:
            log.info("a domain was removed while it was looked for", host=row.hostname)
