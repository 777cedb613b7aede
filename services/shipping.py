"""Ships what applications print from their spools to the line store: numbered once, masked, each line exactly once.

One log a release, with a source for each life of an instance. How far a spool was read is stored with the lines, so a
shipper that died goes on at the very place.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from adapters.database import Unavailable
from adapters.linestore import StaleWriter, Stream
from adapters.linewriting import LineWriter, LineWriters
from adapters.masking import Masks
from adapters.runtime.instance import Instance, InstanceState
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.spool import SpoolLine
from adapters.volumes import LEFT_OUT, Volume, Volumes
from commands import release
from commands.ports import SecretValue
from commands.release import require_release
from domain.identifiers import LogId, ReleaseId, TenantId, runtime_log
from domain.rejection import NotFound
from services.hosting import Hosting
from services.specifying import Specifier, common_prefix
from services.wiring import Core

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.1
"""How long a printed line may lie in its spool."""
NEW_SECONDS = 0.5
"""How late a new instance is noticed."""
STREAMS: dict[str, Stream] = {"stdout": "stdout", "stderr": "stderr", "system": "system", "gap": "system"}


@dataclass
class Shipping:
    """Tails the spools of this machine's instances."""

    core: Core
    runtime: ProcessRuntime
    specifier: Specifier
    writers: LineWriters
    hosting: Hosting
    volumes: Volumes
    _tails: dict[ReleaseId, asyncio.Task[None]] = field(default_factory=dict)
    _read: dict[str, int] = field(default_factory=dict)
    """How far each spool was read by this process."""
    _silenced: set[LogId] = field(default_factory=set)
    """Logs whose lines are left out."""

    async def run(self) -> None:
        """Tail every release that has instances, for ever."""
        try:
            while True:
                for instance in await self.runtime.instances():
                    self._ensure_tail(instance)
                await asyncio.sleep(NEW_SECONDS)
        finally:
            for task in self._tails.values():
                task.cancel()
            await asyncio.gather(*self._tails.values(), return_exceptions=True)

    def _ensure_tail(self, instance: Instance) -> None:
        release_id = ReleaseId(instance.release_id)
        if release_id not in self._tails:
            task = asyncio.create_task(self._tail(TenantId(instance.tenant_id), release_id), name=release_id)
            self._tails[release_id] = task
            task.add_done_callback(lambda ended: self._tails.pop(ReleaseId(ended.get_name())))

    async def _tail(self, tenant_id: TenantId, release_id: ReleaseId) -> None:
        """Ship until no instance of the release is left. What breaks off is begun again by ``run``."""
        try:
            self._read = {source: offset for source, offset in self._read.items() if not source.startswith(release_id)}
            masks = await self._masks(tenant_id, release_id)
            async with self.writers.open(runtime_log(release_id), masks) as writer:
                while instances := await self.runtime.instances(common_prefix(release_id)):
                    shipped = sum([await self._ship(instance, writer) for instance in instances])
                    if not shipped:
                        await self._discard(instances, writer)
                        await asyncio.sleep(LOOK_SECONDS)
        except (StaleWriter, Unavailable) as problem:
            log.info("the runtime log is left for a moment", release=release_id, why=str(problem))
        except Exception:
            log.exception("the runtime log could not be shipped", release=release_id)

    async def _masks(self, tenant_id: TenantId, release_id: ReleaseId) -> Masks:
        cut = require_release(await self.core.handler.state(release.DECIDER, release_id, tenant_id))
        try:
            variables = await self.specifier.variables(tenant_id, cut)
        except NotFound:  # forgotten: nothing that still runs can print it
            variables = {}
        return Masks(SecretValue(value) for value in variables.values())

    async def _ship(self, instance: Instance, writer: LineWriter) -> int:
        """Hand over what is new in one spool; how many lines that were."""
        source = self.runtime.life(instance.instance_id)
        spool = self.runtime.spool(instance.instance_id)
        lines = await asyncio.to_thread(spool.read, self._read.get(source, 0))
        volume = await self.volumes.of(TenantId(instance.tenant_id))
        for line in lines:
            await self._hand_over(line, source, writer, volume)
            self._read[source] = line.offset
        return len(lines)

    async def _hand_over(self, line: SpoolLine, source: str, writer: LineWriter, volume: Volume) -> None:
        """One line, unless an earlier shipper stored it: each stream of a spool remembers how far it was read."""
        stream, text = STREAMS[line.stream], f"{line.text}\n".encode()
        if line.offset <= writer.offset(stream=stream, source=source):
            return
        if volume.take(len(text)):
            self._silenced.discard(writer.log_id)
            await writer.write(text, stream=stream, source=source, offset=line.offset)
        elif writer.log_id not in self._silenced:
            self._silenced.add(writer.log_id)
            await writer.say(LEFT_OUT)

    async def _discard(self, instances: list[Instance], writer: LineWriter) -> None:
        """Delete stopped instances whose last line is stored."""
        stopped = [one for one in instances if one.state is InstanceState.STOPPED]
        if stopped:
            await writer.flush()
            for instance in stopped:
                await self.hosting.discard(instance)
