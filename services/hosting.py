"""Keeps the instances on this machine equal to what the environments need.

An instance is wanted while its launch is the active one, is being made live, is held, or is kept warm. One that is
lost is started again, unless it was only warm; one that nobody wants is stopped once the edge sends it no more
requests and those that it had are answered. All is derived from the read model and from what runs, so it can be cut
off anywhere and begun again.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from adapters.database import Unavailable
from adapters.edge.lookup import Lookup
from adapters.runtime.instance import Instance, InstanceRefused, InstanceState
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.sandbox import SandboxUnavailable
from adapters.runtime.toolchains import ToolchainMissing
from commands import environment, release
from commands.environment import MoveInstances
from commands.handling import Handler
from commands.ports import Clock
from domain.environment import Environment, Upstream
from domain.history import Actor, Context
from domain.identifiers import CausationId, EnvironmentId, ReleaseId, RequestId, TenantId, uuid7
from domain.rejection import Rejection
from projections import environments
from projections.environments import EnvironmentRow
from projections.reading import Reader
from services.build_metrics import INSTANCE_RESTARTS, count_instances
from services.measuring import Measuring
from services.specifying import AS_CUT, Specifier, instance_id, place_of
from services.warmth import Warmth

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.4
"""How late a lost instance is noticed."""
SETTLE_SECONDS = 0.3
"""How long Caddy may still use an answer that the responder has replaced: it asks every 50 ms."""
STOP_SECONDS = 10.0
"""How long an application may take to end by itself."""
AGAIN_SECONDS = 15.0
"""How long an instance that could not be started is left alone."""


@dataclass
class Hosting:
    """The instances of this machine and what becomes of them."""

    runtime: ProcessRuntime
    specifier: Specifier
    handler: Handler
    clock: Clock
    reader: Reader
    lookup: Lookup
    apps_domain: str
    drain_seconds: float
    warmth: Warmth
    measuring: Measuring
    _held: Counter[ReleaseId] = field(default_factory=Counter)
    _locks: defaultdict[ReleaseId, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _retiring: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _failing: dict[str, float] = field(default_factory=dict)

    @asynccontextmanager
    async def holding(self, release_id: ReleaseId) -> AsyncIterator[None]:
        """The release's instances are wanted while the context lasts, whatever the read model says meanwhile."""
        self._held[release_id] += 1
        try:
            async with self._locks[release_id]:  # somebody who is stopping one of them finishes first
                pass
            yield
        finally:
            self._held[release_id] -= 1

    async def run(self) -> None:
        """Look again and again, for ever."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._retiring.values():
                task.cancel()
            await asyncio.gather(*self._retiring.values(), return_exceptions=True)

    async def _look(self) -> None:
        try:
            instances = await self.runtime.instances()
            count_instances(instances)
            await self.measuring.look(instances)
            rows = await environments.serving(self.reader)
            await self._revive(rows, {instance.instance_id: instance for instance in instances})
            self._retire(rows, instances)
        except Unavailable as away:
            log.info("the instances stay as they are", reason=str(away))
        except Exception:
            # Nothing that runs may depend on one look: the next one comes in a moment.
            log.exception("the instances could not be compared with the environments")

    async def _revive(self, rows: Collection[EnvironmentRow], found: dict[str, Instance]) -> None:
        """Start what an active release misses, and say so where it listens elsewhere than before."""
        for row in rows:
            if row.active_release_id is None or not row.upstreams or self._held[row.active_release_id]:
                continue
            names = [instance_id(row.active_release_id, n, row.launch.number) for n in range(len(row.upstreams))]
            running = [found.get(name) for name in names]
            if all(one is not None and one.state not in DOWN for one in running):
                continue
            if self._failing.get(row.active_release_id, 0) > asyncio.get_running_loop().time():
                continue
            try:
                await self._start_again(row, row.active_release_id)
            except (*CANNOT_START, Rejection) as problem:
                self._failing[row.active_release_id] = asyncio.get_running_loop().time() + AGAIN_SECONDS
                log.warning(
                    "an active release could not be started again", release=row.active_release_id, why=str(problem)
                )

    async def _start_again(self, row: EnvironmentRow, release_id: ReleaseId) -> None:
        cut = release.require_release(await self.handler.state(release.DECIDER, release_id, row.tenant_id))
        async with self.holding(release_id):
            upstreams = []
            for spec in await self.specifier.instances(row.tenant_id, cut, row.launch):
                instance = await self.runtime.start(spec)
                upstreams.append(Upstream(host=instance.host, port=instance.port))
        INSTANCE_RESTARTS.labels("lost").inc(len(upstreams))
        log.warning("started the instances of an active release again", release=release_id)
        context = Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="executor"),
            correlation_id=RequestId(uuid7()),
            causation_id=CausationId(uuid7()),
            at=self.clock.now(),
        )
        moved = MoveInstances(
            environment_id=row.id, release_id=release_id, launch=row.launch.number, upstreams=tuple(upstreams)
        )
        await self.handler.handle(moved, context)

    def _retire(self, rows: Collection[EnvironmentRow], instances: Collection[Instance]) -> None:
        by_environment = {row.id: row for row in rows}
        for instance in instances:
            row = by_environment.get(EnvironmentId(instance.environment_id))
            if not self._wanted(instance, row) and instance.instance_id not in self._retiring:
                task = asyncio.create_task(self._retired(instance), name=instance.instance_id)
                self._retiring[instance.instance_id] = task
                task.add_done_callback(lambda ended: self._retiring.pop(ended.get_name()))

    def _wanted(self, instance: Instance, row: EnvironmentRow | None) -> bool:
        release_id = ReleaseId(instance.release_id)
        if self._held[release_id]:
            return True
        if row is None:
            return False
        launch, _ = place_of(instance)
        if (release_id, launch) == (row.activating_release_id, row.launching.number):
            return True
        if row.stopped_at is not None:
            return False
        if (release_id, launch) == (row.active_release_id, row.launch.number):
            return True
        # A rollback runs a release as it was cut.
        return instance.state not in DOWN and launch == AS_CUT.number and release_id == self.warmth.release(row)

    async def _retired(self, instance: Instance) -> None:
        """Stop an instance that nobody wants, after its last request."""
        release_id = ReleaseId(instance.release_id)
        if instance.state not in DOWN:
            if await self._routed(instance):
                return
            await asyncio.sleep(SETTLE_SECONDS)
            if not await self.runtime.drained(instance, self.drain_seconds):
                log.warning("an instance is stopped with open connections", instance=instance.instance_id)
        async with self._locks[release_id]:
            state = await self.handler.state(environment.DECIDER, instance.environment_id, TenantId(instance.tenant_id))
            if self._held[release_id] or _serves(instance, state):
                return
            await self.runtime.stop(instance.instance_id, STOP_SECONDS)
        log.info("stopped an instance of a replaced release", instance=instance.instance_id)

    async def discard(self, instance: Instance) -> None:
        """Delete a stopped instance, unless it is wanted again."""
        async with self._locks[ReleaseId(instance.release_id)]:
            found = await self.runtime.instance(instance.instance_id)
            if found and found.state is InstanceState.STOPPED and not self._held[ReleaseId(instance.release_id)]:
                await self.runtime.remove(instance.instance_id)

    async def _routed(self, instance: Instance) -> bool:
        """Whether the edge may still send requests to the instance; so it is taken to be while the edge is away."""
        row = await environments.find(self.reader, TenantId(instance.tenant_id), EnvironmentId(instance.environment_id))
        if row is None:
            return False
        answer = await self.lookup.upstreams(f"{row.label}.{self.apps_domain}")
        return answer is None or any(port == instance.port for _, port in answer)


def _serves(instance: Instance, state: Environment) -> bool:
    """Whether the instance belongs to what is active, or is being made live."""
    place = instance.release_id, place_of(instance)[0]
    active = None if state.stopped else state.active
    return place in {(active, state.launch.number), (state.activating, state.launching.number)}


CANNOT_START = (InstanceRefused, SandboxUnavailable, ToolchainMissing)
"""What the runtime raises when an instance cannot be started; each message is for the customer."""

DOWN = frozenset({InstanceState.LOST, InstanceState.STOPPED})
"""The states in which an instance answers nothing."""
