"""Retention: what is kept of an environment's releases, who says so, and what becomes of the rest."""

from datetime import timedelta
from typing import Any

from commands.environment import CloseEnvironment
from domain.identifiers import EnvironmentId, uuid7
from services.expiring import Expiring
from tests.dialects.executing import Execution
from tests.dialects.plane import Caller

OLD_ENOUGH = timedelta(days=-1)


def released(caller: Caller, project: Any, count: int) -> list[str]:
    """So many releases, each made live after the one before it; their ids."""
    found = []
    for _ in range(count):
        execution = Execution(caller, caller.deployment(project))
        execution.publish()
        execution.succeed()
        found.append(str(execution.release))
    return found


def expire(caller: Caller, young: timedelta = OLD_ENOUGH) -> None:
    """What the office does in a round."""
    plane = caller.plane
    plane.call(Expiring(plane.core, young).look())
    plane.call(plane.progress.passed(plane.call(plane.core.log.head()), 10))


def expired(caller: Caller, project: Any) -> set[str]:
    """The ids of the project's releases that are shown as expired."""
    found = caller.get(f"/projects/{project['id']}/releases")["items"]
    return {one["id"] for one in found if one["expiredAt"]}


def test_a_workspace_sees_and_sets_how_long_its_things_are_kept(insider: Caller) -> None:
    usual = insider.get("/retention")
    assert usual == {
        "releasesPerEnvironment": {"count": 20, "own": False, "usual": 20},
        "logs": {"days": 30},
        "buildCaches": {"unusedDays": 30, "megabytes": 2048},
        "backups": {"count": 7, "days": 30},
    }

    body = {"releasesPerEnvironment": 5, "reason": "disks are dear"}
    answer = insider.http.put(insider.base + "/retention", json=body)

    assert (answer.status_code, answer.json()) == (200, insider.get("/retention"))
    assert answer.json()["releasesPerEnvironment"] == {"count": 5, "own": True, "usual": 20}
    told = insider.get("/audit?action=retention.set")["items"][0]
    assert (told["actor"], told["reason"]) == (insider.email, "disks are dear")
    assert "5 releases stay in each environment" in told["message"]
    back = insider.http.put(insider.base + "/retention", json={})
    assert back.json() == usual


def test_a_policy_outside_of_its_bounds_is_refused(insider: Caller) -> None:
    for number in (0, 1001):
        answer = insider.http.put(insider.base + "/retention", json={"releasesPerEnvironment": number})
        assert (answer.status_code, "releasesPerEnvironment" in answer.text) == (400, True), answer.text


def test_the_releases_that_nobody_needs_expire_and_cannot_be_rolled_back_to(insider: Caller) -> None:
    project = insider.project()
    first, second, third, fourth, fifth = released(insider, project, 5)
    pinned = insider.post(f"/releases/{second}/pin", {"reason": "the fair"}, status=200)
    assert (pinned["id"], pinned["pinned"], pinned["expiredAt"]) == (second, True, None)
    insider.http.put(insider.base + "/retention", json={"releasesPerEnvironment": 1})

    expire(insider)

    assert expired(insider, project) == {first, third}  # the fifth is active, and the fourth was replaced last
    refused = insider.post("/rollback", {"releaseId": first}, status=409)
    assert (refused["code"], "Deploy its commit again" in refused["message"]) == ("release_expired", True)
    assert insider.post("/rollback", {"releaseId": first, "dryRun": True}, status=409)["code"] == "release_expired"
    assert insider.post(f"/releases/{first}/pin", {}, status=409)["code"] == "release_expired"
    assert insider.post("/rollback", {"releaseId": fourth, "dryRun": True}, status=200)["after"]["id"] == fourth
    assert insider.post("/rollback", {"releaseId": second})["activation"]["releaseId"] == second
    told = insider.get("/audit?action=environment.release-expired")["items"]
    assert {one["actor"] for one in told} == {"retention"}
    assert {one["message"] for one in told} == {
        f"The release of DEP-000{number} expired, so that it cannot be rolled back to any more." for number in (1, 3)
    }
    assert fifth not in expired(insider, project)


def test_an_unpinned_release_expires_and_one_that_is_young_does_not(insider: Caller) -> None:
    project = insider.project()
    first, *_ = released(insider, project, 3)
    insider.http.put(insider.base + "/retention", json={"releasesPerEnvironment": 1})
    insider.post(f"/releases/{first}/pin", {}, status=200)
    for _ in range(2):
        assert insider.http.delete(insider.base + f"/releases/{first}/pin").status_code == 204

    expire(insider, timedelta(hours=1))
    assert expired(insider, project) == set()
    expire(insider)
    expire(insider)

    assert expired(insider, project) == {first}
    assert len(insider.get("/audit?action=environment.release-expired")["items"]) == 1


def test_everything_of_a_deleted_environment_expires(insider: Caller) -> None:
    project = insider.project()
    path = f"/projects/{project['id']}/environments"
    place = insider.post(path, {"name": "staging", "branch": "next"})
    made = released(insider, {**project, "environments": [place]}, 2)
    assert insider.http.delete(f"{insider.base}{path}/{place['id']}?confirm=staging").status_code == 204
    expire(insider)
    assert expired(insider, project) == set()  # what is live there is taken down first
    insider.plane.do(insider.tenant, CloseEnvironment(environment_id=EnvironmentId(place["id"])))

    expire(insider)

    assert expired(insider, project) == set(made)


def test_what_is_not_there_cannot_be_pinned(insider: Caller, outsider: Caller) -> None:
    mine = released(insider, insider.project(), 1)[0]
    for caller, release in ((insider, uuid7()), (outsider, mine)):
        assert caller.post(f"/releases/{release}/pin", {}, status=404)["code"] == "not_found"
        assert caller.http.delete(caller.base + f"/releases/{release}/pin").status_code == 404
