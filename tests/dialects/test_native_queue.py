"""Deployments that wait: for their turn, for approval, for a freeze to end; and the environments that they are for."""

from collections.abc import Sequence
from typing import Any

import pytest

from commands.environment import CloseEnvironment
from domain.history import Recorded
from domain.identifiers import EnvironmentId
from services.closing import Closing
from services.queueing import Queueing
from services.turns import Turns
from tests.dialects.executing import Execution, deployed
from tests.dialects.plane import Caller

MOMENT = {"from": "2020-01-01T00:00:00Z", "until": "2120-01-01T00:00:00Z"}


class Offered:
    """The queue of work, as far as these tests look at it: what was offered to executors."""

    def __init__(self) -> None:
        self.items: list[str] = []

    async def publish(self, items: dict[str, Any]) -> None:
        """Note the deployments."""
        self.items += [item.deployment_id for item in items.values()]


def follow(caller: Caller) -> list[str]:
    """Do what follows from all that has happened, as the worker does; the deployments whose turn it told."""
    plane, offered = caller.plane, Offered()
    queueing = Queueing(
        plane.core, plane.progress, offered, Turns(plane.core.reader, plane.core.handler.builds_at_once)
    )  # type: ignore[arg-type] # notes only

    async def take() -> None:
        history: Sequence[Recorded] = await plane.core.log.following(0, 100_000)
        mine = [one for one in history if one.context.tenant_id == caller.tenant]
        await queueing.take(mine)
        await Closing(plane.core, plane.progress).take(mine)
        assert await plane.progress.passed(await plane.core.log.head(), 10)

    plane.call(take())
    return offered.items


def place_of(project: Any) -> str:
    """The path of a project's production."""
    return f"/projects/{project['id']}/environments/{project['environments'][0]['id']}"


def test_a_later_deployment_replaces_those_that_have_not_begun_and_both_say_so(insider: Caller) -> None:
    project = insider.project()
    running = insider.deployment(project)
    Execution(insider, running)
    first, second, third = (insider.deployment(project) for _ in range(3))
    follow(insider)
    found = {one["ref"]: one for one in insider.get(f"/projects/{project['id']}/deployments")["items"]}
    assert [found[one["ref"]]["status"] for one in (running, first, second, third)] == [
        "running",
        "superseded",
        "superseded",
        "queued",
    ]
    assert found[first["ref"]]["supersededBy"] in {second["id"], third["id"]}
    assert found[second["ref"]]["supersededBy"] == third["id"]
    assert second["id"] in found[third["ref"]]["supersedes"]
    assert insider.get(f"/deployments/{third['id']}")["supersedes"] == found[third["ref"]]["supersedes"]
    assert insider.post(f"/deployments/{first['id']}/cancel", status=409)["code"] == "deployment_ended"
    assert insider.post(f"/deployments/{first['id']}/retry")["retryOf"] == first["id"]


def test_without_superseding_all_of_them_wait_and_come_in_their_order(insider: Caller) -> None:
    project = insider.project()
    insider.patch(place_of(project), {"superseding": False})
    first, second, third = (insider.deployment(project) for _ in range(3))
    execution = Execution(insider, first)
    assert follow(insider) == []
    with pytest.raises(Exception, match="turn"):
        Execution(insider, second)
    execution.fail("npm says no")
    assert follow(insider) == [second["id"]]
    Execution(insider, second)
    assert [insider.get(f"/deployments/{one['id']}")["status"] for one in (second, third)] == ["running", "queued"]


def test_a_protected_environment_waits_for_an_administrator(insider: Caller) -> None:
    project = insider.project()
    insider.patch(place_of(project), {"protected": True})
    deployment = insider.deployment(project)
    assert deployment["status"] == "waiting"
    deployer = insider.with_scope("deploy")
    assert deployer.post(f"{insider.base}/deployments/{deployment['id']}/approve").status_code == 403
    approved = insider.post(f"/deployments/{deployment['id']}/approve", {"reason": "Looks good."})
    assert approved["status"] == "queued"
    assert insider.post(f"/deployments/{deployment['id']}/reject", status=409)["code"] == "not_waiting"
    rejected = insider.post(f"/deployments/{insider.deployment(project)['id']}/reject", {"reason": "Not today."})
    assert rejected["status"] == "rejected"
    assert insider.post(f"/deployments/{rejected['id']}/approve", status=409)["code"] == "deployment_ended"


def test_where_the_environment_says_so_another_one_must_approve(insider: Caller) -> None:
    project = insider.project()
    insider.patch(place_of(project), {"protected": True, "approvalByAnother": True})
    deployment = insider.deployment(project)
    assert insider.post(f"/deployments/{deployment['id']}/approve", status=403)["code"] == "own_deployment"
    assert insider.post(f"/deployments/{deployment['id']}/cancel")["status"] == "cancelled"


def test_one_that_waits_for_approval_replaces_none_that_is_approved(insider: Caller) -> None:
    project = insider.project()
    insider.patch(place_of(project), {"protected": True})
    approved, older, newest = (insider.deployment(project) for _ in range(3))
    insider.post(f"/deployments/{approved['id']}/approve")
    follow(insider)
    assert [insider.get(f"/deployments/{one['id']}")["status"] for one in (approved, older, newest)] == [
        "queued",
        "superseded",
        "waiting",
    ]


def test_a_freeze_refuses_deployments_and_an_administrator_overrides_it_for_a_reason(insider: Caller) -> None:
    project = insider.project()
    path = f"{place_of(project)}/deployments"
    window = insider.post("/freeze-windows", {"name": "Holidays", **MOMENT})
    assert window["active"] is True
    refused = insider.post(path, status=409)
    assert refused["code"] == "frozen"
    assert "Holidays" in refused["message"]
    assert "2120-01-01" in refused["message"]
    assert insider.post(path, {"override": True}, status=400)["code"] == "invalid"
    deployer = insider.with_scope("deploy")
    asked = {"override": True, "reason": "The shop is down."}
    assert deployer.post(insider.base + path, json=asked).status_code == 403
    deployment = insider.get(f"/deployments/{insider.post(path, asked)['id']}")
    assert "deployment.freeze-overridden" in [event["type"] for event in deployment["events"]]
    answer = insider.http.delete(f"{insider.base}/freeze-windows/{window['id']}")
    assert answer.status_code == 204
    insider.post(path)


def test_a_window_may_be_for_one_environment_and_each_week(insider: Caller) -> None:
    project, other = insider.project(), insider.project()
    where = {"projectId": project["id"], "environmentId": project["environments"][0]["id"]}
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    weekly = {"name": "Always", "days": days, "from": "00:00", "until": "00:00", "timezone": "Europe/Berlin"}
    insider.post("/freeze-windows", {**weekly, **where})
    assert insider.post(f"{place_of(project)}/deployments", status=409)["code"] == "frozen"
    insider.deployment(other)
    for wrong in ({"days": ["mon", "mon"]}, {"from": "25:00"}, {"timezone": "Moon/Crater"}):
        assert insider.post("/freeze-windows", {**weekly, **wrong}, status=400)["code"] == "invalid"
    assert [one["name"] for one in insider.get("/freeze-windows")["items"]] == ["Always"]


def test_a_deleted_environment_leaves_its_history_and_gives_its_label_back(insider: Caller, outsider: Caller) -> None:
    project = insider.project()
    path, place = place_of(project), project["environments"][0]
    live = deployed(insider, project)
    scope = {"projectId": project["id"], "environmentId": place["id"]}
    insider.post("/secrets", {"name": "KEY", "value": "s3cret", **scope})
    waiting = insider.deployment(project)
    refused = insider.http.delete(f"{insider.base}{path}", params={"confirm": "staging"})
    assert refused.status_code == 400
    assert insider.http.delete(f"{insider.base}{path}", params={"confirm": "production"}).status_code == 204
    follow(insider)
    insider.plane.do(insider.tenant, CloseEnvironment(environment_id=EnvironmentId(place["id"])))
    assert insider.get(f"/deployments/{waiting['id']}")["status"] == "cancelled"
    assert insider.get("/secrets", params={"projectId": project["id"]})["items"] == []
    assert insider.get(f"{path}/runtime", status=404)["code"] == "not_found"
    assert [one["id"] for one in insider.get(f"/projects/{project['id']}/deployments")["items"]] == [
        waiting["id"],
        live["id"],
    ]
    assert insider.post("/rollback", {"releaseId": live["releaseId"]}, status=409)["code"] == "environment_deleted"
    theirs = outsider.project()
    given = outsider.post(
        f"/projects/{theirs['id']}/environments", {"name": "staging", "branch": "main", "label": place["label"]}
    )
    assert given["label"] == place["label"]


def test_a_project_is_deleted_after_its_environments_and_gives_its_slug_back(insider: Caller) -> None:
    project = insider.project("Fair")
    path = f"{insider.base}/projects/{project['id']}"
    refused = insider.http.delete(path, params={"confirm": "fair"})
    assert (refused.status_code, refused.json()["code"]) == (409, "environments_left")
    insider.http.delete(f"{insider.base}{place_of(project)}", params={"confirm": "production"})
    assert insider.http.delete(path, params={"confirm": "fare"}).status_code == 400
    assert insider.http.delete(path, params={"confirm": "fair"}).status_code == 204
    assert insider.get(f"/projects/{project['id']}", status=404)["code"] == "not_found"
    assert insider.project("Fair")["slug"] == "fair"


def test_an_environment_is_renamed_and_follows_another_branch(insider: Caller) -> None:
    project = insider.project()
    changed = insider.patch(place_of(project), {"name": "Live", "branch": "next", "autoDeploy": False})
    assert (changed["name"], changed["branch"], changed["autoDeploy"]) == ("live", "next", False)
    assert insider.deployment(project)["branch"] == "next"


def test_a_release_is_promoted_without_building(insider: Caller) -> None:
    project = insider.project()
    release = deployed(insider, project)["release"]
    staging = insider.post(f"/projects/{project['id']}/environments", {"name": "staging", "branch": "main"})
    path = f"/projects/{project['id']}/environments/{staging['id']}/promotions"
    promoted = insider.post(path, {"releaseId": release["id"], "reason": "Tried it."})
    assert (promoted["promotedFrom"], promoted["commit"], promoted["note"]) == (
        release["id"],
        release["commit"],
        "Tried it.",
    )
    own = f"{place_of(project)}/promotions"
    assert insider.post(own, {"releaseId": release["id"]}, status=409)["code"] == "own_release"
    foreign = f"{place_of(insider.project())}/promotions"
    assert insider.post(foreign, {"releaseId": release["id"]}, status=404)["code"] == "not_found"


def test_a_roll_back_says_what_it_changes_before_and_when_it_is_done(insider: Caller) -> None:
    project = insider.project()
    earlier = deployed(insider, project)["release"]
    deployed(insider, project)
    would = insider.post("/rollback", {"releaseId": earlier["id"], "dryRun": True}, status=200)
    assert (would["after"]["id"], would["artifactChanged"], would["secrets"]["added"]) == (earlier["id"], False, [])
    assert insider.get(f"{place_of(project)}/runtime")["activation"] is None
    done = insider.post("/rollback", {"releaseId": earlier["id"]})
    assert done["diff"] == would
