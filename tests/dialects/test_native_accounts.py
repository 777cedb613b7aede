"""Document 002, base URL and authentication, API tokens: each test quotes the sentence that it keeps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.dialects.plane import PASSWORD, Caller, Plane

TOKENS = "/account/api-tokens"


def test_resolve_your_ids_first(insider: Caller) -> None:
    """``GET /auth/me → memberships[0].tenantId; GET /tenants/<tenantId>/projects → project ids; GET
    /tenants/<tenantId>/projects/<projectId> → environments[].id``."""
    made = insider.project()

    tenant = insider.http.get("/auth/me").json()["memberships"][0]["tenantId"]
    projects = insider.http.get(f"/tenants/{tenant}/projects").json()["items"]
    detail = insider.http.get(f"/tenants/{tenant}/projects/{projects[0]['id']}").json()

    assert [one["id"] for one in detail["environments"]] == [made["environments"][0]["id"]]


def test_a_token_acts_as_you_and_so_does_a_session(insider: Caller) -> None:
    """``A token acts as you, scoped to your workspace only. The browser console uses a session cookie instead; both
    resolve to the same permissions``."""
    by_token, by_session = insider.http.get("/auth/me").json(), insider.browser.get("/auth/me").json()

    assert (by_token["authenticatedBy"], by_session["authenticatedBy"]) == ("token", "session")
    assert (by_token["email"], by_token["memberships"]) == (by_session["email"], by_session["memberships"])
    assert insider.browser.get(f"{insider.base}/projects").json() == insider.http.get(f"{insider.base}/projects").json()


def test_sign_in_and_out(plane: Plane, insider: Caller) -> None:
    browser = plane.client(headers={"Origin": plane.url})
    assert browser.get("/auth/me").status_code == 401

    entered = browser.post("/auth/login", json={"email": insider.email.upper(), "password": PASSWORD})
    cookie = entered.headers["set-cookie"]
    assert (entered.status_code, entered.json()["email"]) == (200, insider.email)
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"))
    assert browser.get("/auth/me").status_code == 200

    stolen = browser.cookies["shipbook_session"]
    assert browser.post("/auth/logout").status_code == 204
    assert plane.client(cookies={"shipbook_session": stolen}).get("/auth/me").status_code == 401
    assert browser.post("/auth/logout").status_code == 204


@pytest.mark.parametrize("body", [{"email": "nobody@example.com"}, {"password": "wrong password"}])
def test_a_wrong_login_does_not_tell_what_is_wrong(plane: Plane, insider: Caller, body: dict[str, str]) -> None:
    refused = plane.client().post("/auth/login", json={"email": insider.email, "password": PASSWORD} | body)

    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_credentials")
    assert refused.json()["message"] == "The e-mail address or the password is wrong."


def test_guessing_a_password_is_slowed_down(plane: Plane, insider: Caller) -> None:
    client = plane.client()
    wrong = {"email": insider.email, "password": "wrong password"}
    answers = [client.post("/auth/login", json=wrong) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    right = client.post("/auth/login", json={**wrong, "password": PASSWORD})
    assert right.status_code == 429


def test_registering_refuses_what_cannot_be(plane: Plane, insider: Caller) -> None:
    client = plane.client()

    def refused(**fields: str) -> httpx.Response:
        return client.post("/auth/register", json={"email": "new@example.com", "password": PASSWORD, **fields})

    assert refused(email=insider.email.upper()).json()["code"] == "name_taken"
    assert refused(email="nonsense").json()["details"][0]["field"] == "email"
    assert refused(password="short").json()["details"][0]["field"] == "password"
    assert refused(password="x" * 1025).status_code == 400


def test_a_token_is_shown_once_and_listed_without_its_secret(insider: Caller) -> None:
    """``API tokens: GET/POST /account/api-tokens``."""
    expiry = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = insider.browser.post(TOKENS, json={"name": "CI", "scope": "deploy", "expiresAt": expiry}).json()

    assert made["token"].startswith("shpat_")
    assert (made["name"], made["scope"], made["tenantId"]) == ("CI", "deploy", insider.tenant)
    listed = insider.browser.get(TOKENS)
    assert [one["name"] for one in listed.json()["items"]] == ["test", "CI"]
    assert made["token"] not in listed.text
    assert made["token"] not in insider.http.get(f"{insider.base}/audit").text


def test_a_revoked_token_is_refused_at_once(insider: Caller) -> None:
    """``DELETE /account/api-tokens/<id> (session-only; manage your own tokens)``."""
    token_id = insider.browser.get(TOKENS).json()["items"][0]["id"]

    assert insider.browser.delete(f"{TOKENS}/{token_id}").status_code == 204
    assert insider.http.get("/auth/me").status_code == 401
    assert "revoked" in insider.http.get("/auth/me").json()["message"]
    assert insider.browser.delete(f"{TOKENS}/{token_id}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_cannot_manage_tokens(insider: Caller, method: str) -> None:
    """``session-only; manage your own tokens``."""
    refused = insider.http.request(method, TOKENS, json={"name": "more"} if method == "POST" else None)

    assert (refused.status_code, refused.json()["code"]) == (403, "session_required")
    assert "POST /auth/login" in refused.json()["message"]


def test_nobody_manages_anothers_tokens(insider: Caller, outsider: Caller) -> None:
    token_id = insider.browser.get(TOKENS).json()["items"][0]["id"]

    assert outsider.browser.delete(f"{TOKENS}/{token_id}").status_code == 404
    stolen = outsider.browser.post(TOKENS, json={"name": "x", "tenantId": insider.tenant})
    assert (stolen.status_code, stolen.json()["message"]) == (404, "There is no such workspace.")
    assert insider.http.get("/auth/me").status_code == 200


def test_an_expired_token_is_refused(plane: Plane, insider: Caller) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    token = insider.make_token(expiresAt=soon.isoformat())
    client = plane.client(headers={"Authorization": f"Bearer {token}"})

    while client.get("/auth/me").status_code == 200:
        assert datetime.now(UTC) < soon + timedelta(seconds=5)
    assert "expired" in client.get("/auth/me").json()["message"]
    past = insider.browser.post(TOKENS, json={"name": "x", "expiresAt": "2020-01-01T00:00:00Z"})
    assert past.json()["details"][0]["field"] == "expiresAt"


def test_a_typo_in_a_token_is_refused_without_a_look_up(plane: Plane, insider: Caller) -> None:
    typo = insider.token[:-8] + ("A" if insider.token[-8] != "A" else "B") + insider.token[-7:]

    for authorization in (f"Bearer {typo}", "Bearer nonsense", "Basic YTpi", "Bearer", insider.token):
        refused = plane.client(headers={"Authorization": authorization}).get("/auth/me")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="shipbook"')
        assert "typo" in refused.json()["message"]


def test_scopes_are_kept(insider: Caller) -> None:
    """Each scope includes the ones before it: read, deploy, admin."""
    project = insider.project()
    path = f"{insider.base}/projects/{project['id']}/environments/{project['environments'][0]['id']}/deployments"
    reading, deploying = insider.with_scope("read"), insider.with_scope("deploy")

    assert reading.get(f"{insider.base}/projects").status_code == 200
    refused = reading.post(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_too_small")
    made = deploying.post(path)
    assert made.status_code == 201
    assert deploying.post(f"{insider.base}/deployments/{made.json()['id']}/cancel").status_code == 201
    assert deploying.patch(f"{insider.base}/projects/{project['id']}", json={"name": "x"}).status_code == 403
    assert deploying.get("/auth/me").json()["scope"] == "deploy"


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_sites_page_cannot_write_with_the_users_cookie(
    plane: Plane, insider: Caller, headers: dict[str, str]
) -> None:
    cookies = {"shipbook_session": insider.browser.cookies["shipbook_session"]}
    victim = plane.client(cookies=cookies, headers=headers)

    assert victim.get(f"{insider.base}/projects").status_code == 200
    refused = victim.post(f"{insider.base}/repository-connections", json={"url": "https://example.com/a.git"})
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
    assert victim.post("/auth/logout").status_code == 403
    assert victim.get("/auth/me").status_code == 200


def test_a_token_reaches_one_workspace_alone(register: Callable[[], Caller]) -> None:
    insider, outsider = register(), register()

    for client in (insider.http, insider.browser):
        refused = client.get(f"/tenants/{outsider.tenant}/projects")
        assert (refused.status_code, refused.json()["message"]) == (404, "There is no such workspace.")
