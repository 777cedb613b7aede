"""What the supervisor of this machine tells about its parts, as metrics."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import REGISTRY, Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from services.parts import State, read_parts


@contextmanager
def parts_counted(run_dir: Path) -> Iterator[None]:
    """Count the parts whose files are in ``run_dir`` among the metrics of this process, for the length of the block."""
    collector = _Parts(run_dir)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


class _Parts(Collector):
    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("shipbook_part_up", "1 for a supervised part that serves.", labels=["process"])
        restarts = CounterMetricFamily(
            "shipbook_part_restarts", "How often a supervised part was started again.", labels=["process"]
        )
        for part in read_parts(self._run_dir):
            up.add_metric([part.name], part.state is State.READY)
            restarts.add_metric([part.name], part.restarts)
        yield from (up, restarts)
