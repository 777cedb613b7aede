"""Making a release live: start its instances beside the old ones, wait for health, and let the edge switch."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.artifacts import Artifacts
from adapters.runtime.instance import Instance, InstanceSpec, InstanceState
from adapters.runtime.process import ProcessRuntime
from domain.environment import Launch, Upstream
from domain.identifiers import TenantId
from domain.project import RuntimeConfig
from domain.rejection import NotFound
from domain.release import ReleaseCut
from services.hosting import CANNOT_START, DOWN, Hosting
from services.specifying import AS_CUT, Specifier, common_prefix, launched, place_of

MUTE_SECONDS = 3.0
"""How long an instance that was kept warm may leave us without a good answer before it is started anew."""
TAIL_LINES = 30
"""How much of an application's log explains why it did not become healthy."""


class Unhealthy(Exception):
    """The release cannot serve; the message is for the customer. ``printed`` is the end of its log."""

    def __init__(self, reason: str, printed: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.printed = tuple(printed)


@dataclass(frozen=True)
class Activator:
    """Brings releases to where they can answer. What the environment makes of it is the caller's to record."""

    runtime: ProcessRuntime
    artifacts: Artifacts
    specifier: Specifier
    hosting: Hosting

    async def upstreams(self, tenant_id: TenantId, cut: ReleaseCut, launch: Launch = AS_CUT) -> tuple[Upstream, ...]:
        """Where the healthy instances of the launch listen; empty for a static site. Raises ``Unhealthy``.

        Call it while ``hosting`` holds the release. May be repeated: what runs is left as it is.
        """
        if not self.artifacts.has(cut.artifact):
            raise Unhealthy("The release's files are no longer on this machine. Deploy its commit again.")
        try:
            specs = await self.specifier.instances(tenant_id, cut, launch)
        except NotFound as gone:
            raise Unhealthy(f"A secret that the release was built with is gone: {gone}") from gone
        except CANNOT_START as refused:
            raise Unhealthy(str(refused)) from refused
        runtime = launched(cut, launch).runtime
        instances = await asyncio.gather(*(self._healthy(spec, runtime) for spec in specs))
        return tuple(Upstream(host=instance.host, port=instance.port) for instance in instances)

    async def end_mute(self, cut: ReleaseCut) -> None:
        """End the release's instances that run and give no good answer, so that ``upstreams`` starts them anew.

        Only where no requests go to them. One that may still be starting is left to do so.
        """
        found = await self.runtime.instances(common_prefix(cut.release_id))
        own = [one for one in found if one.state not in DOWN and place_of(one)[0] == AS_CUT.number]
        await asyncio.gather(*(self._end_mute(one, cut) for one in own))

    async def _end_mute(self, instance: Instance, cut: ReleaseCut) -> None:
        starting = instance.state is InstanceState.STARTING
        if starting or time.time() - instance.started_at < cut.runtime.health_timeout_seconds:
            return
        health = await self.runtime.healthy(instance, cut.runtime.health_check_path, MUTE_SECONDS)
        if not health.well:
            await self.runtime.stop(instance.instance_id, 0)

    async def _healthy(self, spec: InstanceSpec, runtime: RuntimeConfig) -> Instance:
        try:
            instance = await self.runtime.start(spec)
        except CANNOT_START as refused:
            raise Unhealthy(str(refused)) from refused
        health = await self.runtime.healthy(instance, runtime.health_check_path, runtime.health_timeout_seconds)
        if not health.well:
            raise Unhealthy(
                health.reason, [line.text for line in self.runtime.spool(spec.instance_id).tail(TAIL_LINES)]
            )
        return instance
