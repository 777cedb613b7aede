"""Workspaces, their members and invitations: who comes in, what they may do, and how they go."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from msgspec import structs

from adapters.http.throttle import Throttle
from tests.dialects.plane import PASSWORD, Caller, Plane


def invited(owner: Caller, email: str, role: str = "developer") -> str:
    """An invitation's token."""
    return str(owner.post("/invitations", {"email": email, "role": role})["token"])


def joined(owner: Caller, guest: Caller, role: str = "developer") -> str:
    """The guest's account, which is a member of the owner's workspace from here on."""
    answer = guest.browser.post("/invitations/accept", json={"token": invited(owner, guest.email, role)})
    assert answer.status_code == 200, answer.text
    return str(guest.browser.get("/auth/me").json()["id"])


@contextmanager
def settings_changed(plane: Plane, **changes: Any) -> Iterator[None]:
    """The plane has other settings for the length of the block."""
    state, parts = plane.app.state, plane.app.state["parts"]
    state["parts"] = replace(parts, settings=structs.replace(parts.settings, **changes))
    try:
        yield
    finally:
        state["parts"] = parts


def sentences(caller: Caller) -> str:
    """The workspace's audit trail."""
    answer = caller.browser.get(f"{caller.base}/audit?limit=200")
    return "\n".join(one["message"] for one in answer.json()["items"])


def test_an_account_has_several_workspaces(insider: Caller) -> None:
    made = insider.browser.post("/tenants", json={"name": "Second"}).json()
    renamed = insider.browser.patch(f"/tenants/{made['id']}", json={"name": "Other"}).json()

    assert (made["role"], renamed["name"]) == ("owner", "Other")
    assert [one["id"] for one in insider.browser.get("/tenants").json()["items"]] == [insider.tenant, made["id"]]
    assert [one["id"] for one in insider.http.get("/tenants").json()["items"]] == [insider.tenant]


def test_an_account_founds_only_so_many_workspaces(insider: Caller) -> None:
    answers = [insider.browser.post("/tenants", json={"name": f"Number {place}"}) for place in range(11)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [403]


def test_who_is_invited_joins_once_and_with_the_right_address(
    insider: Caller, outsider: Caller, register: Callable[[], Caller]
) -> None:
    token, other = invited(insider, outsider.email.upper()), register()

    assert other.browser.post("/invitations/accept", json={"token": token}).json()["code"] == "other_address"
    entered = outsider.browser.post("/invitations/accept", json={"token": token})
    assert (entered.json()["id"], entered.json()["role"]) == (insider.tenant, "developer")
    assert outsider.browser.post("/invitations/accept", json={"token": token}).status_code == 404
    assert outsider.browser.get(insider.base + "/projects").status_code == 200
    assert token not in sentences(insider)


def test_an_invitation_is_shown_once_listed_and_withdrawn(insider: Caller, outsider: Caller) -> None:
    made = insider.post("/invitations", {"email": outsider.email, "role": "viewer", "expiresInDays": 1})
    [listed] = insider.get("/invitations")["items"]

    assert (listed["id"], listed["email"], listed["expired"]) == (made["id"], outsider.email, False)
    assert made["token"].startswith("shinv_")
    assert "token" not in listed
    assert insider.http.delete(f"{insider.base}/invitations/{made['id']}").status_code == 204
    assert insider.get("/invitations")["items"] == []
    assert outsider.browser.post("/invitations/accept", json={"token": made["token"]}).status_code == 404


def test_people_register_with_an_invitation(plane: Plane, insider: Caller) -> None:
    token = invited(insider, "guest@example.com")
    browser = plane.client(headers={"Sec-Fetch-Site": "same-origin"})
    body = {"email": "guest@example.com", "password": PASSWORD, "invitationToken": token}

    wrong = browser.post("/auth/register", json={**body, "email": "else@example.com"})
    entered = browser.post("/auth/register", json=body)

    assert (wrong.status_code, wrong.json()["code"]) == (403, "other_address")
    assert insider.tenant in [one["tenantId"] for one in entered.json()["memberships"]]


def test_a_removed_member_is_out_at_once_and_their_tokens_with_them(
    plane: Plane, insider: Caller, outsider: Caller
) -> None:
    account = joined(insider, outsider)
    token = outsider.make_token(tenantId=insider.tenant)
    client = plane.client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(f"{insider.base}/projects").status_code == 200

    assert insider.http.delete(f"{insider.base}/members/{account}?reason=gone").status_code == 204

    assert client.get(f"{insider.base}/projects").status_code == 401
    assert client.get("/auth/me").status_code == 401
    assert outsider.browser.get(f"{insider.base}/projects").status_code == 404
    assert outsider.http.get(f"{outsider.base}/projects").status_code == 200


def test_a_role_holds_from_the_next_request_on(insider: Caller, outsider: Caller) -> None:
    account = joined(insider, outsider, "viewer")
    secret = {"name": "KEY", "value": "x"}
    assert outsider.browser.post(f"{insider.base}/secrets", json=secret).json()["code"] == "role_too_small"

    changed = insider.patch(f"/members/{account}", {"role": "developer"})

    assert (changed["role"], changed["email"]) == ("developer", outsider.email)
    assert outsider.browser.post(f"{insider.base}/secrets", json=secret).status_code == 201
    assert [one["role"] for one in insider.get("/members")["items"]] == ["owner", "developer"]


def test_only_owners_make_owners_and_the_last_one_stays(insider: Caller, outsider: Caller) -> None:
    account = joined(insider, outsider, "admin")
    me = insider.browser.get("/auth/me").json()["id"]

    def given(caller: Caller, to: str, role: str) -> Any:
        return caller.browser.patch(f"{insider.base}/members/{to}", json={"role": role})

    assert given(outsider, account, "owner").status_code == 403
    assert given(outsider, me, "viewer").status_code == 403
    assert outsider.browser.delete(f"{insider.base}/members/{me}").status_code == 403
    assert given(insider, me, "viewer").json()["code"] == "last_owner"
    assert insider.browser.post(f"{insider.base}/leave", json={}).json()["code"] == "last_owner"
    assert given(insider, account, "owner").status_code == 200
    assert insider.browser.post(f"{insider.base}/leave", json={}).status_code == 204
    assert insider.browser.get(f"{insider.base}/members").status_code == 404


def test_every_step_stands_in_the_audit_trail(insider: Caller, outsider: Caller) -> None:
    account = joined(insider, outsider, "viewer")
    insider.patch(f"/members/{account}", {"role": "admin"})
    insider.http.patch(insider.base, json={"name": "Store"})
    insider.http.delete(f"{insider.base}/members/{account}")

    said = sentences(insider)
    for part in (
        "invited",
        "accepted the invitation",
        "joined the workspace as viewer",
        "who was viewer",
        "to 'Store'",
    ):
        assert part in said
    assert f"removed the account {account}" in said


def test_a_token_for_some_projects_reaches_nothing_else(plane: Plane, insider: Caller) -> None:
    mine, other = insider.project(), insider.project()
    deployment, foreign = insider.deployment(mine), insider.deployment(other)
    for project in (mine, other):
        insider.post("/secrets", {"name": "KEY", "value": "x", "projectId": project["id"]})
    token = insider.make_token(projectIds=[mine["id"]])
    client = plane.client(headers={"Authorization": f"Bearer {token}"})

    def status(path: str, method: str = "GET", **options: Any) -> int:
        return client.request(method, insider.base + path, **options).status_code

    assert [one["id"] for one in client.get(f"{insider.base}/projects").json()["items"]] == [mine["id"]]
    assert [one["projectId"] for one in client.get(f"{insider.base}/secrets").json()["items"]] == [mine["id"]]
    assert status(f"/projects/{mine['id']}/deployments") == 200
    assert status(f"/projects/{other['id']}/deployments") == 404
    assert status(f"/deployments/{deployment['id']}") == 200
    assert status(f"/deployments/{foreign['id']}") == 404
    assert status(f"/deployments/{foreign['id']}/cancel", "POST", json={}) == 404
    assert status(f"/deployments/{deployment['id']}/cancel", "POST", json={}) in {200, 201, 202}
    assert status("/members") == status("/repository-connections") == 403
    assert status("/projects", "POST", json={}) == 403
    unknown = insider.browser.post("/account/api-tokens", json={"name": "x", "projectIds": [insider.tenant]})
    assert unknown.json()["details"][0]["field"] == "projectIds"


@pytest.mark.parametrize("policy", ["invite-only", "closed"])
def test_registration_is_by_invitation_only_or_closed(plane: Plane, insider: Caller, policy: str) -> None:
    token = invited(insider, f"{policy}@example.com")
    body = {"email": f"{policy}@example.com", "password": PASSWORD}
    with settings_changed(plane, registration=policy):
        refused = plane.client().post("/auth/register", json=body)
        answered = plane.client().post("/auth/register", json={**body, "invitationToken": token})

    assert refused.json()["code"] == {"invite-only": "invitation_required"}.get(policy, "registration_closed")
    assert answered.status_code == (201 if policy == "invite-only" else 403)


def test_who_asks_too_often_waits(plane: Plane, insider: Caller) -> None:
    with settings_changed(plane, limit_requests_per_minute=5):
        answers: list[httpx.Response] = [insider.http.get(f"{insider.base}/projects") for _ in range(7)]

    assert {answer.status_code for answer in answers} == {200, 429}
    assert answers[-1].json()["code"] == "too_many_requests"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].headers["ratelimit-limit"] == "5"
    assert Throttle(5, 60).take("anybody", 0) == 60
