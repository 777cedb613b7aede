"""What executors count: deployments, steps, activations, and the applications that run on their machine."""

from collections import Counter as Tally
from collections.abc import Collection
from time import monotonic
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

from adapters.runtime.instance import Instance, InstanceState

_BUILD_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600)

DEPLOYMENT_WAIT_SECONDS = Histogram(
    "shipbook_deployment_wait_seconds",
    "From queueing a deployment until an executor first takes it.",
    buckets=_BUILD_BUCKETS,
)
DEPLOYMENT_SECONDS = Histogram(
    "shipbook_deployment_seconds",
    "From an executor's taking a deployment until it has ended.",
    ("outcome",),
    buckets=_BUILD_BUCKETS,
)
STEP_SECONDS = Histogram("shipbook_step_seconds", "Steps of deployments.", ("step", "outcome"), buckets=_BUILD_BUCKETS)
BUILDS_RUNNING = Gauge("shipbook_builds_running", "Deployments that this executor works on.")

_ACTIVATION_SECONDS = Histogram(
    "shipbook_activation_seconds",
    "From beginning to make a release live until it is, or cannot be.",
    ("kind", "outcome"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
_INSTANCES = Gauge("shipbook_instances", "Instances of applications on this machine.", ("state",))
INSTANCE_RESTARTS = Counter(
    "shipbook_instance_restarts",
    "Instances that were started again, because they ended by themselves or were lost with their keeper.",
    ("cause",),
)
_restarts: dict[str, int] = {}
"""Of each instance, when it was last looked at."""


Kind = Literal["deploy", "rollback", "restart"]
"""Why an activation began."""


def count_activation(kind: Kind, outcome: Literal["succeeded", "failed"], began: float) -> None:
    """An activation that began at ``began`` (``time.monotonic``) has ended. Those that were overtaken do not count."""
    _ACTIVATION_SECONDS.labels(kind, outcome).observe(monotonic() - began)


def count_instances(instances: Collection[Instance]) -> None:
    """These are all that there are."""
    tally = Tally(instance.state for instance in instances)
    for state in InstanceState:
        _INSTANCES.labels(state).set(tally[state])
    ended = sum(max(0, one.restarts - _restarts.get(one.instance_id, one.restarts)) for one in instances)
    INSTANCE_RESTARTS.labels("ended").inc(ended)
    _restarts.clear()
    _restarts.update({one.instance_id: one.restarts for one in instances})
