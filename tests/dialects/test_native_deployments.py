"""Document 002, deployments, releases and runtime: each test quotes the sentence that it keeps."""

import re

from domain.deployment import Outcome
from domain.identifiers import ReleaseId, runtime_log
from domain.steps import StepKind
from tests.dialects.executing import Execution, Writing, activate, deployed
from tests.dialects.plane import Caller


def test_trigger_returns_the_deployment_with_its_ref(insider: Caller) -> None:
    """``trigger a deploy { branch?, note? }. Returns the deployment (incl. its DEP-#### ref)``."""
    project = insider.project()

    first, second = insider.deployment(project), insider.deployment(project, branch="next", note="new prices")

    assert (first["ref"], second["ref"]) == ("DEP-0001", "DEP-0002")
    assert re.fullmatch(r"DEP-\d{4,}", first["ref"])
    assert (first["status"], first["branch"], first["triggeredBy"]) == ("queued", "main", insider.email)
    assert (second["branch"], second["note"]) == ("next", "new prices")
    assert first["url"] == project["environments"][0]["url"]


def test_list_deployments_by_environment_status_and_page(insider: Caller) -> None:
    """``GET …/projects/<p>/deployments — list deployments (?environmentId=&status=&page=)``."""
    project = insider.project()
    path = f"/projects/{project['id']}"
    staging = insider.post(f"{path}/environments", {"name": "staging", "branch": "next"})
    first, second = insider.deployment(project), insider.deployment(project)
    third = insider.post(f"{path}/environments/{staging['id']}/deployments")
    insider.post(f"/deployments/{second['id']}/cancel")

    assert _ids(insider.get(f"{path}/deployments")) == [third["id"], second["id"], first["id"]]
    assert _ids(insider.get(f"{path}/deployments?environmentId={staging['id']}")) == [third["id"]]
    assert _ids(insider.get(f"{path}/deployments?status=cancelled")) == [second["id"]]
    assert _ids(insider.get(f"{path}/deployments?status=cancelled&status=queued&pageSize=2&page=2")) == [first["id"]]


def test_deployment_detail_shows_status_error_release_and_events(insider: Caller) -> None:
    """``deployment detail (status, error, release, events)``."""
    found = deployed(insider, insider.project())

    assert (found["status"], found["error"], found["step"]) == ("succeeded", None, None)
    assert found["release"]["id"] == found["releaseId"]
    assert (found["commitMessage"], found["author"]) == ("Sell coffee", "Insider <a@b.c>")
    assert found["events"][0]["type"] == "deployment.queued"
    assert found["events"][-1]["type"] == "deployment.succeeded"
    assert insider.email in found["events"][0]["message"]
    assert [(one["step"], one["status"], one["durationMs"], one["exitCode"]) for one in found["steps"]] == [
        ("fetch", "succeeded", 12, 0),
        ("build", "succeeded", 12, 0),
    ]
    assert found["startedAt"] <= found["finishedAt"]


def test_a_failed_deploy_exposes_a_human_readable_error(insider: Caller) -> None:
    """``A failed deploy also exposes a human-readable error field on GET /deployments/<id> and folds the failing
    output into the build log``."""
    execution = Execution(insider, insider.deployment())
    execution.step(StepKind.BUILD, ["npm error missing script: build"], Outcome.FAILED)
    execution.fail("The build failed: missing script 'build'.")

    found = insider.get(f"/deployments/{execution.id}")
    assert (found["status"], found["error"]) == ("failed", "The build failed: missing script 'build'.")
    assert (found["step"], found["exitCode"], found["release"]) == ("build", 2, None)
    assert insider.get(f"/deployments/{execution.id}/logs")["items"][-1]["text"] == "npm error missing script: build"


def test_historical_build_logs_after_a_seq(insider: Caller) -> None:
    """``GET /tenants/<t>/deployments/<id>/logs?after=<seq> — historical build logs``."""
    found = deployed(insider, insider.project(), [f"line {number}" for number in range(1, 6)])
    path = f"/deployments/{found['id']}/logs"

    everything = insider.get(path)
    assert [line["seq"] for line in everything["items"]] == [1, 2, 3, 4, 5]
    assert (everything["items"][0]["text"], everything["items"][0]["step"]) == ("line 1", "build")
    assert (everything["closed"], everything["hasMore"]) == (True, False)
    part = insider.get(f"{path}?after=2&limit=2")
    assert [line["text"] for line in part["items"]] == ["line 3", "line 4"]
    assert (part["closed"], part["hasMore"]) == (False, True)
    assert insider.get(f"{path}?after=5") == {"items": [], "hasMore": False, "closed": True}


def test_cancel_with_a_reason_ends_the_deployment(insider: Caller) -> None:
    """``POST /tenants/<t>/deployments/<id>/cancel``."""
    made = insider.deployment()

    cancelled = insider.post(f"/deployments/{made['id']}/cancel", {"reason": "wrong branch"})

    assert cancelled["status"] == "cancelled"
    assert insider.post(f"/deployments/{made['id']}/cancel")["status"] == "cancelled"
    newest = insider.get("/audit")["items"][0]
    assert (newest["type"], newest["reason"], newest["actor"]) == (
        "deployment.cancelled",
        "wrong branch",
        insider.email,
    )


def test_retry_deploys_the_same_commit_again(insider: Caller) -> None:
    """``POST /tenants/<t>/deployments/<id>/retry``."""
    found = deployed(insider, insider.project())

    again = insider.post(f"/deployments/{found['id']}/retry")

    assert again["id"] != found["id"]
    assert (again["retryOf"], again["commit"], again["status"]) == (found["id"], found["commit"], "queued")
    assert insider.post(f"/deployments/{again['id']}/retry", status=409)["code"] == "deployment_open"


def test_an_archived_project_takes_no_deploys_and_says_how_to_mend_it(insider: Caller) -> None:
    project = insider.project()
    insider.patch(f"/projects/{project['id']}", {"status": "archived"})
    place = project["environments"][0]["id"]

    refused = insider.post(f"/projects/{project['id']}/environments/{place}/deployments", status=409)

    assert (refused["code"], "Set its status to 'active'" in refused["message"]) == ("project_archived", True)


def test_release_history_shows_rollback_targets(insider: Caller) -> None:
    """``GET …/projects/<p>/releases?environmentId=<e> — release history (rollback targets)``."""
    project = insider.project()
    first, second = deployed(insider, project), deployed(insider, project)
    path = f"/projects/{project['id']}/releases"

    found = insider.get(f"{path}?environmentId={project['environments'][0]['id']}")["items"]

    assert [(one["id"], one["active"]) for one in found] == [(second["releaseId"], True), (first["releaseId"], False)]
    assert (found[0]["ref"], found[0]["commit"]) == (second["ref"], second["commit"])


def test_rollback_reactivates_a_previous_release_without_building(insider: Caller) -> None:
    """``POST /tenants/<t>/rollback { releaseId, reason? } — re-activate a previous release (no rebuild)``."""
    project = insider.project()
    first, second = deployed(insider, project), deployed(insider, project)
    place = project["environments"][0]["id"]

    asked = insider.post("/rollback", {"releaseId": first["releaseId"], "reason": "prices were wrong"})
    assert (asked["status"], asked["activation"]["releaseId"]) == ("activating", first["releaseId"])
    assert asked["activeRelease"]["id"] == second["releaseId"]

    activate(insider.plane, insider.tenant, place, asked["activation"]["number"], first["releaseId"])
    live = insider.get(f"/projects/{project['id']}/environments/{place}/runtime")
    assert (live["status"], live["activeRelease"]["id"], live["activation"]) == ("live", first["releaseId"], None)
    assert len(insider.get(f"/projects/{project['id']}/deployments")["items"]) == 2
    assert insider.post("/rollback", {"releaseId": first["releaseId"]}, status=409)["code"] == "already_active"


def test_runtime_shows_urls_active_release_instance_routes_and_domains(insider: Caller) -> None:
    """``GET …/environments/<e>/runtime — live URLs, active release, runtime instance, routes, domains``."""
    project = insider.project(type="node")
    place = project["environments"][0]
    path = f"/projects/{project['id']}/environments/{place['id']}/runtime"
    assert insider.get(path)["status"] == "empty"

    found = deployed(insider, project, start_command="node server.js")

    live = insider.get(path)
    assert (live["status"], live["urls"], live["domains"]) == ("live", [place["url"]], [])
    assert live["activeRelease"]["id"] == found["releaseId"]
    assert [(one["host"], one["port"], one["serving"]) for one in live["instances"]] == [("127.0.0.1", 4000, True)]
    assert live["routes"][0]["target"] == "instances"
    assert live["routes"][0]["host"] == f"{place['label']}.localhost"


def test_container_logs_of_a_release(insider: Caller) -> None:
    """``GET /tenants/<t>/releases/<releaseId>/runtime-logs?after=<seq>``."""
    found = deployed(insider, insider.project(type="node"), start_command="node server.js")
    writing = Writing(insider.plane, runtime_log(ReleaseId(found["releaseId"])))
    writing.lines(["listening", "served /"], step=None)
    path = f"/releases/{found['releaseId']}/runtime-logs"

    assert [line["text"] for line in insider.get(path)["items"]] == ["listening", "served /"]
    assert [line["seq"] for line in insider.get(f"{path}?after=1")["items"]] == [2]
    assert insider.get(path)["closed"] is False
    writing.close(insider.tenant)
    assert insider.get(path)["closed"] is True


def test_nothing_of_a_deployment_is_seen_from_another_workspace(insider: Caller, outsider: Caller) -> None:
    found = deployed(insider, insider.project())

    for path in (
        f"/deployments/{found['id']}",
        f"/deployments/{found['id']}/logs",
        f"/deployments/{found['id']}/stream",
    ):
        assert outsider.get(path, status=404)["code"] == "not_found"
    for path in (f"/deployments/{found['id']}/cancel", f"/deployments/{found['id']}/retry"):
        assert outsider.post(path, status=404)["code"] == "not_found"
    assert outsider.get(f"/releases/{found['releaseId']}/runtime-logs", status=404)["code"] == "not_found"
    assert outsider.post("/rollback", {"releaseId": found["releaseId"]}, status=404)["code"] == "not_found"


def _ids(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [one["id"] for one in page["items"]]
