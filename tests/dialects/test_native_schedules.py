"""Deployments at times: each due time deploys once, whoever looks how often; what was missed is told."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.scheduling import Scheduling
from tests.dialects.plane import Caller


@dataclass(frozen=True)
class Still:
    """A clock that stands."""

    moment: datetime

    def now(self) -> datetime:
        """Always the same moment."""
        return self.moment


def look(caller: Caller, moment: datetime, times: int = 1) -> None:
    """Look at the schedules at a moment, as several workers one after another do."""
    plane = caller.plane

    async def looked() -> None:
        for _ in range(times):
            await Scheduling(replace(plane.core, clock=Still(moment))).look()  # type: ignore[arg-type] # a clock too
        assert await plane.progress.passed(await plane.core.log.head(), 10)

    plane.call(looked())


def place_of(project: Any) -> str:
    return f"/projects/{project['id']}/environments/{project['environments'][0]['id']}"


def test_a_due_time_deploys_once_and_says_so(insider: Caller) -> None:
    project = insider.project()
    path = f"{place_of(project)}/schedules"
    made = insider.post(path, {"cron": "0 * * * *", "timezone": "Europe/Berlin", "branch": "next"})
    due = datetime.fromisoformat(made["nextRuns"][0])
    assert len(made["nextRuns"]) == 5
    look(insider, due - timedelta(seconds=1))
    assert insider.get(f"/projects/{project['id']}/deployments")["items"] == []
    look(insider, due + timedelta(seconds=1), times=3)
    [deployment] = insider.get(f"/projects/{project['id']}/deployments")["items"]
    assert (deployment["branch"], deployment["triggeredBy"]) == ("next", "schedule")
    run = insider.get(f"{path}/{made['id']}")["lastRun"]
    assert (run["outcome"], run["deploymentId"], datetime.fromisoformat(run["due"])) == (
        "asked",
        deployment["id"],
        due,
    )


def test_what_was_missed_for_more_than_an_hour_is_left_out_and_told(insider: Caller) -> None:
    project = insider.project()
    path = f"{place_of(project)}/schedules"
    made = insider.post(path, {"cron": "0 3 * * *"})
    look(insider, datetime.fromisoformat(made["nextRuns"][1]) + timedelta(hours=2))
    assert insider.get(f"/projects/{project['id']}/deployments")["items"] == []
    assert insider.get(f"{path}/{made['id']}")["lastRun"]["outcome"] == "missed"


def test_a_refused_deployment_is_skipped_with_why(insider: Caller) -> None:
    project = insider.project()
    path = f"{place_of(project)}/schedules"
    made = insider.post(path, {"cron": "0 3 * * *"})
    insider.post("/freeze-windows", {"name": "Fair", "from": "2020-01-01T00:00Z", "until": "2120-01-01T00:00Z"})
    look(insider, datetime.fromisoformat(made["nextRuns"][0]))
    run = insider.get(f"{path}/{made['id']}")["lastRun"]
    assert (run["outcome"], run["deploymentId"]) == ("skipped", None)
    assert "Fair" in run["problem"]


def test_a_schedule_is_changed_paused_and_deleted(insider: Caller, outsider: Caller) -> None:
    project = insider.project()
    path = f"{place_of(project)}/schedules"
    assert insider.post(path, {"cron": "every day"}, status=400)["code"] == "invalid"
    made = insider.post(path, {"cron": "0 3 * * *", "branch": "next"})
    one = f"{path}/{made['id']}"
    changed = insider.patch(one, {"cron": "30 2 * * *", "branch": None, "paused": True})
    assert (changed["cron"], changed["branch"], changed["paused"], changed["nextRuns"]) == (
        "30 2 * * *",
        None,
        True,
        [],
    )
    look(insider, datetime.now(UTC) + timedelta(days=2))
    assert insider.get(one)["lastRun"] is None
    assert outsider.http.get(f"{outsider.base}{one}").status_code == 404
    assert insider.http.delete(insider.base + one).status_code == 204
    assert insider.get(path)["items"] == []


def test_an_environment_may_have_so_many_schedules(insider: Caller) -> None:
    path = f"{place_of(insider.project())}/schedules"
    for minute in range(20):
        insider.post(path, {"cron": f"{minute} 3 * * *"})
    assert insider.post(path, {"cron": "30 3 * * *"}, status=409)["code"] == "too_many_schedules"
