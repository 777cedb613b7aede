"""What operators watch: one place tells what every process of a machine counts."""

from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.system import repositories
from tests.system.planes import Plane, until
from tests.system.repositories import built, commit, repository

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(300)]

Families: TypeAlias = dict[str, Metric]


def metrics(plane: Plane) -> Families:
    """All families by name; the text must be readable, and each family be there once."""
    text = httpx.get(f"http://{plane.http}/metrics", timeout=10).raise_for_status().text
    found = list(text_string_to_metric_families(text))
    families = {family.name: family for family in found}
    assert len(families) == len(found)
    return families


def value(plane: Plane, name: str, **labels: str) -> float:
    """The sum of the samples called ``name`` that have these labels."""
    return sum(
        sample.value
        for family in metrics(plane).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def processes(families: Families, family: str) -> set[str]:
    """Who shows samples of the family."""
    return {sample.labels["process"] for sample in families[family].samples}


def test_a_deployment_and_a_rollback_are_counted_by_the_processes_that_worked_on_them(
    plane: Plane, tmp_path: Path
) -> None:
    directory = repository(tmp_path / "site", repositories.static("one"))
    app = plane.api.project(directory, "static", "counted")
    succeeded = {"outcome": "succeeded", "process": "executor"}
    ended = value(plane, "shipbook_deployment_seconds_count", **succeeded)
    rolled_back = value(plane, "shipbook_activation_seconds_count", kind="rollback", **succeeded)

    first = app.deploy()
    commit(directory, repositories.static("two"), "Second version")
    app.deploy()
    app.roll_back(first["releaseId"])

    until(
        lambda: value(plane, "shipbook_deployment_seconds_count", **succeeded) >= ended + 2,
        what="the deployments are not counted",
    )
    until(
        lambda: value(plane, "shipbook_activation_seconds_count", kind="rollback", **succeeded) == rolled_back + 1,
        what="the rollback is not counted",
    )
    families = metrics(plane)
    assert processes(families, "shipbook_projection_lag_facts") == {"worker"}
    assert "worker" in processes(families, "shipbook_relay_lag_seconds")
    assert processes(families, "shipbook_append_batch_events") >= {"api", "worker", "executor"}
    assert processes(families, "process_cpu_seconds") == {"api", "worker", "executor", "edge"}
    assert value(plane, "shipbook_step_seconds_count", step="fetch", outcome="ok", process="executor") >= 2
    assert value(plane, "shipbook_activation_seconds_count", kind="deploy", **succeeded) >= 2
    assert value(plane, "shipbook_deployment_wait_seconds_count") >= 2
    assert "shipbook_instances" in families


def test_a_build_in_hand_and_its_cancellation_are_counted(plane: Plane, tmp_path: Path) -> None:
    app = plane.api.project(
        repository(tmp_path / "waiting", built("while ! test -e end; do sleep 0.1; done")), "react", "counted-cancelled"
    )
    cancelled = {"outcome": "cancelled", "process": "executor"}
    before = value(plane, "shipbook_deployment_seconds_count", **cancelled)
    deployment = app.trigger()

    until(lambda: value(plane, "shipbook_builds_running", process="executor") >= 1, 60, "nothing is in hand")
    assert value(plane, "shipbook_deployments_open") >= 1
    plane.api.send("POST", f"/deployments/{deployment['id']}/cancel", {"reason": "it was seen"})

    until(
        lambda: value(plane, "shipbook_deployment_seconds_count", **cancelled) == before + 1,
        what="the cancellation is not counted",
    )


def test_every_part_is_up(plane: Plane) -> None:
    up = {sample.labels["process"]: sample.value for sample in metrics(plane)["shipbook_part_up"].samples}

    assert up == dict.fromkeys(("postgres", "nats", "caddy", "edge", "worker", "api", "executor"), 1)
