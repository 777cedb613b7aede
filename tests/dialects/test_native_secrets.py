"""Document 002, secrets, and the audit trail."""

import pytest

from tests.dialects.plane import Caller

VALUE = "s3cr3t-value-that-nobody-may-see"


def test_secrets_are_kept_for_a_workspace_a_project_or_an_environment(ada: Caller) -> None:
    """``Secrets: GET/POST /tenants/<t>/secrets (scope: project, environment, or whole workspace)``."""
    project = ada.project()
    place = project["environments"][0]["id"]

    wide = ada.post("/secrets", {"name": "API_KEY", "value": VALUE})
    mine = ada.post("/secrets", {"name": "API_KEY", "value": VALUE, "scope": "project", "projectId": project["id"]})
    narrow = ada.post(
        "/secrets", {"name": "API_KEY", "value": VALUE, "projectId": project["id"], "environmentId": place}
    )

    assert [one["scope"] for one in (wide, mine, narrow)] == ["workspace", "project", "environment"]
    assert len(ada.get("/secrets")["items"]) == 3
    assert [one["id"] for one in ada.get(f"/secrets?scope=project&projectId={project['id']}")["items"]] == [mine["id"]]
    assert ada.post("/secrets", {"name": "API_KEY", "value": "x"}, status=409)["code"] == "name_taken"


def test_a_value_is_never_shown(ada: Caller) -> None:
    """``Secrets to hide after creation``."""
    made = ada.http.post(f"{ada.base}/secrets", json={"name": "TOKEN", "value": VALUE})
    rotated = ada.http.patch(f"{ada.base}/secrets/{made.json()['id']}", json={"value": VALUE + "2"})

    assert made.json()["value"] == "•" * 8
    for answer in (made, rotated, ada.http.get(f"{ada.base}/secrets"), ada.http.get(f"{ada.base}/audit-trail")):
        assert VALUE not in answer.text


def test_rotating_makes_another_version_with_another_fingerprint(ada: Caller) -> None:
    """``PATCH/DELETE /tenants/<t>/secrets/<id>``."""
    made = ada.post("/secrets", {"name": "TOKEN", "value": VALUE})
    path = f"/secrets/{made['id']}"

    rotated = ada.patch(path, {"value": "another"})

    assert (made["version"], rotated["version"]) == (1, 2)
    assert made["fingerprint"] != rotated["fingerprint"]
    assert ada.http.delete(f"{ada.base}{path}?reason=unused").status_code == 204
    assert ada.get("/secrets")["items"] == []
    assert ada.patch(path, {"value": "x"}, status=404)["code"] == "not_found"
    newest = ada.get("/audit-trail")["items"][0]
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
def test_a_secret_that_cannot_be_is_refused_by_its_field(ada: Caller, body: dict[str, str], field: str) -> None:
    assert ada.post("/secrets", body, status=400)["details"][0]["field"] == field


def test_another_workspaces_secret_is_out_of_reach(ada: Caller, eve: Caller) -> None:
    made = ada.post("/secrets", {"name": "TOKEN", "value": VALUE})
    project = ada.project()

    assert eve.get("/secrets")["items"] == []
    assert eve.patch(f"/secrets/{made['id']}", {"value": "mine"}, status=404)["code"] == "not_found"
    assert eve.http.delete(f"{eve.base}/secrets/{made['id']}").status_code == 404
    placed = {"name": "X", "value": "x", "projectId": project["id"]}
    assert eve.post("/secrets", placed, status=404)["code"] == "not_found"


def test_the_audit_trail_says_who_did_what_from_where(ada: Caller) -> None:
    project = ada.http.post(
        f"{ada.base}/projects",
        json={"name": "Traced", "type": "static", "repositoryConnectionId": ada.connection()},
        headers={"X-Request-Id": "my-request-42", "User-Agent": "curl/8"},
    ).json()

    found = ada.get(f"/audit-trail?subject=project-{project['id']}")["items"]
    assert [one["type"] for one in found] == ["project.environment-added", "project.created"]
    created = found[-1]
    assert "Traced" in created["message"]
    assert (created["actor"], created["actorKind"], created["userAgent"]) == (ada.email, "token", "curl/8")
    assert (created["address"], created["correlationId"]) == ("127.0.0.1", "my-request-42")
    only = ada.get("/audit-trail?type=project.created")["items"]
    assert [one["type"] for one in only] == ["project.created"]
