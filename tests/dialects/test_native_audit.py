"""The audit trail: who did what, when, from where and why; followed, taken elsewhere, and told for one deployment."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from domain.steps import StepKind
from tests.dialects.executing import Execution
from tests.dialects.plane import Caller


def types(found: dict) -> list[str]:
    return [one["type"] for one in found["items"]]


def test_it_is_sought_by_who_and_what_and_when(insider: Caller) -> None:
    before = datetime.now(UTC)
    project = insider.project()
    insider.post("/secrets", {"name": "TOKEN", "value": "hidden-value"})

    assert types(insider.get("/audit?action=secret.*")) == ["secret.set"]
    assert types(insider.get(f"/audit?subject=project-{project['id']}&action=project.created")) == ["project.created"]
    assert "secret.set" in types(insider.get("/audit", params={"actor": insider.email}))
    assert types(insider.get("/audit?actor=nobody@example.com")) == []
    recent = insider.get("/audit", params={"since": before.isoformat(), "limit": 200})
    assert set(types(recent)) >= {"secret.set", "project.created"}
    assert types(insider.get("/audit", params={"since": (before + timedelta(hours=1)).isoformat()})) == []
    account = recent["items"][0]["accountId"]
    assert types(insider.get("/audit", params={"actor": account, "action": "secret.set"})) == ["secret.set"]


def test_from_a_position_on_it_is_told_in_the_order_of_the_log(insider: Caller) -> None:
    insider.project()
    newest = insider.get("/audit?limit=200")["items"]
    positions = [one["position"] for one in newest]

    told = insider.get(f"/audit?after={positions[-1]}&limit=200")["items"]

    assert positions == sorted(positions, reverse=True)
    assert [one["position"] for one in told] == positions[-2::-1]


@pytest.mark.parametrize(
    ("query", "field"), [("action=nonsense", "action"), ("since=2026-11-22T10:00:00", "since"), ("after=-1", "after")]
)
def test_what_cannot_be_sought_is_refused_by_its_name(insider: Caller, query: str, field: str) -> None:
    assert insider.get(f"/audit?{query}", status=400)["details"][0]["field"] == field


def test_it_is_followed_as_it_happens_and_goes_on_where_it_was_cut(insider: Caller) -> None:
    start = insider.get("/audit?limit=1")["items"][0]["position"]
    events = {"Accept": "text/event-stream"}

    with insider.http.stream("GET", f"{insider.base}/audit?after={start}", headers=events) as answer:
        lines = answer.iter_lines()
        insider.post("/secrets", {"name": "FIRST", "value": "hidden-value"})
        identity = next(line for line in lines if line.startswith("id: "))
        body = next(line for line in lines if line.startswith("data: "))
    insider.post("/secrets", {"name": "SECOND", "value": "hidden-value"})
    resumed = events | {"Last-Event-ID": identity.removeprefix("id: ")}
    with insider.http.stream("GET", f"{insider.base}/audit", headers=resumed) as answer:
        again = next(line for line in answer.iter_lines() if line.startswith("data: "))

    first, second = (json.loads(line.removeprefix("data: ")) for line in (body, again))
    assert first["position"] == int(identity.removeprefix("id: "))
    assert ("FIRST" in first["message"], "SECOND" in second["message"]) == (True, True)
    assert "hidden-value" not in body + again


def test_it_is_taken_elsewhere_whole_and_that_is_told_in_it(insider: Caller) -> None:
    insider.post("/projects", {"name": "=cmd()", "type": "static", "repositoryConnectionId": insider.connection()})
    path = f"{insider.base}/audit/export"

    lines = insider.http.post(path, json={"reason": "the yearly audit"})
    table = insider.http.post(path, json={"format": "csv", "action": "project.*"})

    told = [json.loads(line) for line in lines.text.splitlines()]
    assert [one["position"] for one in told] == sorted(one["position"] for one in told)
    assert "audit.exported" not in {one["type"] for one in told}
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert {row["type"] for row in rows} == {"project.created", "project.environment-added"}
    assert not any(cell.startswith("=") for row in rows for cell in row.values())
    newest = insider.get("/audit?action=audit.exported")["items"]
    assert [one["reason"] for one in newest] == [None, "the yearly audit"]
    assert "action 'project.*'" in newest[0]["message"]


def test_an_export_repeated_under_its_name_is_told_once(insider: Caller) -> None:
    named = {"Idempotency-Key": "yearly"}
    for _ in range(2):
        answer = insider.http.post(f"{insider.base}/audit/export", json={}, headers=named)
        assert answer.status_code == 200

    assert len(insider.get("/audit?action=audit.exported")["items"]) == 1


def test_why_a_deployment_is_as_it_is_is_told_from_the_request_to_the_release(insider: Caller) -> None:
    insider.deployment()
    deployment = insider.deployment()
    execution = Execution(insider, deployment)
    execution.step(StepKind.FETCH)
    execution.publish()
    execution.succeed()

    why = insider.get(f"/deployments/{deployment['id']}/why")

    assert (why["ref"], why["status"]) == (deployment["ref"], "succeeded")
    assert (why["request"]["actor"], why["request"]["address"]) == (insider.email, "127.0.0.1")
    told = [hop["type"] for hop in why["hops"]]
    assert told[0] == "deployment.queued"
    assert told[-1] == "deployment.succeeded"
    assert "release.cut" in told
    assert {hop["subject"].partition("-")[0] for hop in why["hops"]} <= {"deployment", "release", "environment"}
    assert sum(one == "deployment.queued" for one in told) == 1


def test_only_operators_see_every_workspace(insider: Caller, outsider: Caller) -> None:
    insider.project()

    refused = outsider.browser.get("/operator/audit")

    assert (refused.status_code, refused.json()["code"]) == (403, "operators_only")
    assert {one["tenantId"] for one in outsider.get("/audit?limit=200")["items"]} == {outsider.tenant}
