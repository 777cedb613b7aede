"""What the instances of this machine use, kept where the API and the edge can read it, and shown as metrics."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
from prometheus_client import REGISTRY, Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from adapters.runtime.instance import Instance
from adapters.runtime.measurements import InstanceMeasurements, MeasuredInstance, State
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.usage import Usage
from domain.identifiers import EnvironmentId, ReleaseId
from services.specifying import place_of

PERIOD_SECONDS = 5.0
"""Between measurements, unless something has changed: then it is told at once."""
MOST_SHOWN = 1000
"""Instances that the metrics show, so that who stores them knows how many series there are at the most."""

_LABELS = ("environment", "release", "launch", "number")


class _Taken(msgspec.Struct, frozen=True):
    """A measurement, and what it was made of."""

    measured: MeasuredInstance
    usage: Usage | None
    at: float


class Measuring(Collector):
    """Measures the instances that it is shown."""

    def __init__(self, runtime: ProcessRuntime, measurements: InstanceMeasurements) -> None:
        """It shows its metrics from the first look on."""
        self._runtime = runtime
        self._measurements = measurements
        self._taken: dict[str, _Taken] = {}
        self._known: frozenset[Instance] = frozenset()
        self._kept_at = float("-inf")

    async def look(self, instances: Sequence[Instance]) -> None:
        """These are all that there are. Raises ``Unavailable``, and keeps them the next time then."""
        if self._kept_at == float("-inf"):
            REGISTRY.register(self)
        now = time.monotonic()
        if frozenset(instances) == self._known and now - self._kept_at < PERIOD_SECONDS:
            return
        taken = {one.instance_id: await asyncio.to_thread(self._measured, one, now) for one in instances}
        gone = [*self._taken.keys() - taken.keys()]
        await self._measurements.keep([one.measured for one in taken.values()], gone)
        self._taken, self._known, self._kept_at = taken, frozenset(instances), now

    def collect(self) -> Iterator[Metric]:
        """The last measurements of what runs now."""
        cpu = CounterMetricFamily(
            "shipbook_instance_cpu_seconds", "CPU time that an application's instance has used.", labels=_LABELS
        )
        memory = GaugeMetricFamily(
            "shipbook_instance_memory_bytes", "Memory that an application's instance uses.", labels=_LABELS
        )
        for taken in [*self._taken.values()][:MOST_SHOWN]:
            one = taken.measured
            labels = [one.environment_id, one.release_id, str(one.launch), str(one.number)]
            if taken.usage:
                cpu.add_metric(labels, taken.usage.cpu_seconds)
                memory.add_metric(labels, taken.usage.memory_bytes)
        yield from (cpu, memory)

    def _measured(self, instance: Instance, now: float) -> _Taken:
        usage, former = self._runtime.usage(instance), self._taken.get(instance.instance_id)
        launch, number = place_of(instance)
        state: State = instance.state.value
        measured = MeasuredInstance(
            instance_id=instance.instance_id,
            environment_id=EnvironmentId(instance.environment_id),
            release_id=ReleaseId(instance.release_id),
            launch=launch,
            number=number,
            state=state,
            host=instance.host,
            port=instance.port,
            started_at=datetime.fromtimestamp(instance.started_at, UTC),
            restarts=instance.restarts,
            exit_code=instance.exit_code,
            cpus=_cpus(former, usage, now),
            memory_bytes=usage.memory_bytes if usage else None,
            at=datetime.now(UTC),
        )
        return _Taken(measured, usage, now)


def _cpus(former: _Taken | None, usage: Usage | None, now: float) -> float | None:
    """Processors in use since the former measurement; None where there is none that can be compared."""
    if former is None or former.usage is None or usage is None or now <= former.at:
        return None
    return max(0.0, usage.cpu_seconds - former.usage.cpu_seconds) / (now - former.at)
