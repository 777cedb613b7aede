"""Document 002, secrets, and the audit trail."""

import pytest

from tests.dialects.plane import Caller

VALUE = "s3cr3t-value-that-nobody-may-see"


def test_secrets_are_kept_for_a_workspace_a_project_or_an_environment(insider: Caller) -> None:
    """``Secrets: GET/POST /tenants/<t>/secrets (scope: project, environment, or whole workspace)``."""
    project = insider.project()
    place = project["environments"][0]["id"]

    wide = insider.post("/secrets", {"name": "API_KEY", "value": VALUE})
    mine = insider.post("/secrets", {"name": "API_KEY", "value": VALUE, "scope": "project", "projectId": project["id"]})
    narrow = insider.post(
        "/secrets", {"name": "API_KEY", "value": VALUE, "projectId": project["id"], "environmentId": place}
    )

    assert [one["scope"] for one in (wide, mine, narrow)] == ["workspace", "project", "environment"]
    assert len(insider.get("/secrets")["items"]) == 3
    assert [one["id"] for one in insider.get(f"/secrets?scope=project&projectId={project['id']}")["items"]] == [
        mine["id"]
    ]
    assert insider.post("/secrets", {"name": "API_KEY", "value": "x"}, status=409)["code"] == "name_taken"


def test_a_value_is_never_shown(insider: Caller) -> None:
    """``Secrets to hide after creation``."""
    made = insider.http.post(f"{insider.base}/secrets", json={"name": "TOKEN", "value": VALUE})
    rotated = insider.http.patch(f"{insider.base}/secrets/{made.json()['id']}", json={"value": VALUE + "2"})

    assert made.json()["value"] == "•" * 8
    for answer in (
        made,
        rotated,
        insider.http.get(f"{insider.base}/secrets"),
        insider.http.get(f"{insider.base}/audit"),
    ):
        assert VALUE not in answer.text


def test_rotating_makes_another_version_with_another_fingerprint(insider: Caller) -> None:
    """``PATCH/DELETE /tenants/<t>/secrets/<id>``."""
    made = insider.post("/secrets", {"name": "TOKEN", "value": VALUE})
    path = f"/secrets/{made['id']}"

    rotated = insider.patch(path, {"value": "another"})

    assert (made["version"], rotated["version"]) == (1, 2)
    assert made["fingerprint"] != rotated["fingerprint"]
    assert insider.http.delete(f"{insider.base}{path}?reason=unused").status_code == 204
    assert insider.get("/secrets")["items"] == []
    assert insider.patch(path, {"value": "x"}, status=404)["code"] == "not_found"
    newest = insider.get("/audit")["items"][0]
    assert (newest["type"], newest["reason"]) == ("secret.removed", "unused")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "1BAD", "value": "x"}, "name"),
        ({"name": "PATH", "value": "x"}, "name"),
        ({"name": "OK", "value": ""}, "value"),
        ({"name": "OK", "value": "x" * 70_000}, "value"),
        ({"name": "OK", "value": "x", "scope": "project"}, "scope"),
    ],
)
def test_a_secret_that_cannot_be_is_refused_by_its_field(insider: Caller, body: dict[str, str], field: str) -> None:
    assert insider.post("/secrets", body, status=400)["details"][0]["field"] == field


def test_another_workspaces_secret_is_out_of_reach(insider: Caller, outsider: Caller) -> None:
    made = insider.post("/secrets", {"name": "TOKEN", "value": VALUE})
    project = insider.project()

    assert outsider.get("/secrets")["items"] == []
    assert outsider.patch(f"/secrets/{made['id']}", {"value": "mine"}, status=404)["code"] == "not_found"
    assert outsider.http.delete(f"{outsider.base}/secrets/{made['id']}").status_code == 404
    placed = {"name": "X", "value": "x", "projectId": project["id"]}
    assert outsider.post("/secrets", placed, status=404)["code"] == "not_found"


def test_the_audit_trail_says_who_did_what_from_where(insider: Caller) -> None:
    project = insider.http.post(
        f"{insider.base}/projects",
        json={"name": "Traced", "type": "static", "repositoryConnectionId": insider.connection()},
        headers={"X-Request-Id": "my-request-42", "User-Agent": "curl/8"},
    ).json()

    found = insider.get(f"/audit?subject=project-{project['id']}")["items"]
    assert [one["type"] for one in found] == ["project.environment-added", "project.created"]
    created = found[-1]
    assert "Traced" in created["message"]
    assert (created["actor"], created["actorKind"], created["userAgent"]) == (insider.email, "token", "curl/8")
    assert (created["address"], created["correlationId"]) == ("127.0.0.1", "my-request-42")
    only = insider.get("/audit?action=project.created")["items"]
    assert [one["type"] for one in only] == ["project.created"]
