"""What runs: ``runtimeType (static|node|python)/startCommand/port/healthCheckPath/limits/instances`` and its life."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.runtime.measurements import MeasuredInstance
from commands.environment import CompleteActivation, FailActivation, RestartEnvironment
from domain.environment import RestartCause, Upstream
from domain.identifiers import EnvironmentId, ReleaseId
from domain.project import RuntimeConfig, RuntimeType
from tests.dialects.executing import deployed
from tests.dialects.plane import Caller, Plane

HERE, THERE = Upstream(host="127.0.0.1", port=4000), Upstream(host="127.0.0.1", port=4001)


class Shop:
    """A server that was deployed, and its environment."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.project = caller.project(type="node")
        self.release: str = deployed(caller, self.project, start_command="node server.js")["releaseId"]
        self.environment = EnvironmentId(self.project["environments"][0]["id"])
        self.path = f"/projects/{self.project['id']}/environments/{self.environment}"

    @property
    def runtime(self) -> Any:
        return self.caller.get(f"{self.path}/runtime")

    def asks(self, what: str, status: int = 201, **body: Any) -> Any:
        return self.caller.post(f"{self.path}/{what}", body or None, status=status)

    def completes(self, activation: int, *upstreams: Upstream) -> None:
        done = CompleteActivation(
            environment_id=self.environment,
            activation=activation,
            release_id=ReleaseId(self.release),
            upstreams=upstreams,
        )
        self.caller.plane.do(self.caller.tenant, done)

    def fails(self, activation: int, error: str) -> None:
        failed = FailActivation(
            environment_id=self.environment, activation=activation, release_id=ReleaseId(self.release), error=error
        )
        self.caller.plane.do(self.caller.tenant, failed)


@pytest.fixture
def shop(insider: Caller) -> Shop:
    return Shop(insider)


def test_a_restart_shows_what_it_runs_with_and_then_what_runs(shop: Shop) -> None:
    shop.caller.patch(f"/projects/{shop.project['id']}/runtime-config", {"instances": 2, "apply": False})
    assert shop.runtime["runtimeConfig"]["instances"] == 1

    asked = shop.asks("restart", reason="It leaks.")

    assert (asked["status"], asked["activation"]["kind"], asked["activation"]["number"]) == ("activating", "restart", 2)
    assert asked["activation"]["runtimeConfig"]["instances"] == 2
    shop.completes(2, HERE, THERE)
    live = shop.runtime
    assert (live["status"], live["activation"], live["lastError"]) == ("live", None, None)
    assert (live["runtimeConfig"]["instances"], live["runtimeConfig"]["startCommand"]) == (2, "node server.js")
    assert [(one["number"], one["port"], one["serving"]) for one in live["instances"]] == [
        (0, 4000, True),
        (1, 4001, True),
    ]


def test_a_configuration_that_does_not_become_healthy_leaves_what_ran_and_says_so(shop: Shop) -> None:
    shop.caller.plane.do(
        shop.caller.tenant,
        RestartEnvironment(
            environment_id=shop.environment,
            runtime=RuntimeConfig(runtime_type=RuntimeType.NODE, instances=3),
            cause=RestartCause.CONFIGURED,
        ),
    )
    shop.fails(2, "It did not answer.")
    live = shop.runtime
    assert (live["status"], live["lastError"], live["activations"]) == ("live", "It did not answer.", 2)
    assert live["runtimeConfig"]["instances"] == len(live["instances"]) == 1


def test_what_is_stopped_says_so_until_it_is_started(shop: Shop) -> None:
    stopped = shop.asks("stop", reason="It is night.")
    assert (stopped["status"], stopped["instances"], stopped["routes"][0]["target"]) == ("stopped", [], "stopped")
    assert stopped["stoppedAt"] is not None
    assert shop.asks("stop")["activations"] == stopped["activations"]
    assert shop.asks("restart", status=409)["code"] == "stopped"

    starting = shop.asks("start")
    assert (starting["status"], starting["activation"]["kind"]) == ("activating", "start")
    shop.completes(starting["activation"]["number"], THERE)
    assert (shop.runtime["status"], shop.runtime["stoppedAt"]) == ("live", None)
    assert shop.asks("start")["activation"] is None


def test_a_request_that_is_repeated_stops_or_restarts_once(shop: Shop) -> None:
    named = {"Idempotency-Key": "once"}
    first = shop.caller.post(f"{shop.path}/restart", None, headers=named)
    shop.completes(2, HERE)
    shop.caller.patch(f"/projects/{shop.project['id']}/runtime-config", {"instances": 4, "apply": False})
    again = shop.caller.post(f"{shop.path}/restart", None, headers=named)
    assert (first["activations"], again["activations"], again["activation"]) == (2, 2, None)


def test_what_was_never_deployed_can_neither_be_started_nor_stopped(insider: Caller) -> None:
    project = insider.project()
    path = f"/projects/{project['id']}/environments/{project['environments'][0]['id']}"
    for what in ("start", "stop", "restart"):
        assert insider.post(f"{path}/{what}", None, status=409)["code"] == "nothing_active"


def test_who_may_deploy_may_start_and_stop_and_nobody_else(shop: Shop, outsider: Caller) -> None:
    path = shop.caller.base + shop.path
    for what in ("stop", "start", "restart"):
        assert shop.caller.with_scope("read").post(f"{path}/{what}").status_code == 403
        assert outsider.http.post(f"{path}/{what}").status_code == 404
        elsewhere = path.replace(shop.environment, outsider.project()["environments"][0]["id"])
        assert shop.caller.http.post(f"{elsewhere}/{what}").status_code == 404
    assert shop.caller.with_scope("deploy").post(f"{path}/stop").status_code == 201


def test_each_instance_is_shown_as_it_was_measured(plane: Plane, shop: Shop) -> None:
    def measured(name: str, launch: int, state: Any) -> MeasuredInstance:
        return MeasuredInstance(
            instance_id=name,
            environment_id=shop.environment,
            release_id=ReleaseId(shop.release),
            launch=launch,
            number=0,
            state=state,
            host="127.0.0.1",
            port=4000 + launch,
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            restarts=3,
            exit_code=7,
            cpus=0.25,
            memory_bytes=1 << 20,
            at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    here, beside, gone = (
        measured("here", 0, "restarting"),
        measured("beside", 2, "starting"),
        measured("gone", 8, "lost"),
    )
    shop.asks("restart")
    plane.call(plane.parts.instances.keep([here, beside, gone]))
    plane.call(plane.parts.instances.keep([here, beside], ["gone"]))

    first, second = shop.runtime["instances"]
    assert (first["serving"], first["state"], first["restarts"], first["exitCode"]) == (True, "restarting", 3, 7)
    assert (first["cpus"], first["memoryBytes"]) == (0.25, 1 << 20)
    assert (second["serving"], second["state"]) == (False, "starting")
    silent = plane.call(plane.parts.instances.silent())
    assert (shop.release, 0, 0) in silent
    assert (shop.release, 2, 0) not in silent
