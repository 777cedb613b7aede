"""Sessions, the password and lock-outs: seen, changed and ended by their owner, over every process of the API."""

from datetime import datetime
from typing import Any

import httpx

from adapters.lockout import Tries
from adapters.uses import SELDOM_SECONDS
from tests.dialects.plane import PASSWORD, Caller, Plane

SESSIONS = "/account/sessions"
BETTER = "a better horse battery staple"


def signed_in(plane: Plane, email: str, password: str = PASSWORD, **headers: str) -> httpx.Client:
    """Another browser of the person's."""
    browser = plane.client(headers={"Sec-Fetch-Site": "same-origin", **headers})
    answer = browser.post("/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return browser


def login(plane: Plane, email: str, password: str) -> httpx.Response:
    """Try to sign in."""
    return plane.client().post("/auth/login", json={"email": email, "password": password})


def messages(caller: Caller) -> list[Any]:
    """What the audit trail of the person's workspace says, the latest first."""
    return [one["message"] for one in caller.get("/audit?limit=50")["items"]]


def test_sessions_are_listed_with_where_and_with_what_they_began(plane: Plane, insider: Caller) -> None:
    other = signed_in(plane, insider.email, **{"User-Agent": "lynx/2.9"})
    other.get("/auth/me")

    plane.wait(lambda: other.get(SESSIONS).json()["items"][0]["lastUsedAt"] is not None)
    latest, first = insider.browser.get(SESSIONS).json()["items"]

    assert (latest["userAgent"], latest["address"], latest["current"]) == ("lynx/2.9", "127.0.0.1", False)
    assert latest["lastUsedFrom"] == "127.0.0.1"
    assert datetime.fromisoformat(latest["startedAt"]) >= datetime.fromisoformat(first["startedAt"])
    assert first["current"]


def test_a_revoked_session_is_refused_at_once(plane: Plane, insider: Caller, outsider: Caller) -> None:
    other = signed_in(plane, insider.email)
    latest = insider.browser.get(SESSIONS).json()["items"][0]["id"]

    assert outsider.browser.delete(f"{SESSIONS}/{latest}").status_code == 404
    assert insider.browser.delete(f"{SESSIONS}/{latest}").status_code == 204
    assert other.get("/auth/me").status_code == 401
    assert insider.browser.get("/auth/me").status_code == 200
    assert "ended another session" in messages(insider)[0]


def test_another_password_ends_all_other_sessions(plane: Plane, insider: Caller) -> None:
    other = signed_in(plane, insider.email)
    body = {"currentPassword": PASSWORD, "newPassword": BETTER}

    wrong = insider.browser.post("/account/password", json={**body, "currentPassword": "wrong"})
    short = insider.browser.post("/account/password", json={**body, "newPassword": "short"})
    changed = insider.browser.post("/account/password", json=body)

    assert (wrong.json()["code"], short.status_code, changed.status_code) == ("wrong_credentials", 400, 204)
    assert other.get("/auth/me").status_code == 401
    assert insider.browser.get("/auth/me").status_code == 200
    assert insider.http.get("/auth/me").status_code == 200
    assert login(plane, insider.email, PASSWORD).status_code == 401
    assert login(plane, insider.email, BETTER).status_code == 200
    assert any("changed their password; 1 other session ended" in one for one in messages(insider))


def test_a_lock_out_is_announced_and_stands_in_the_audit_trail_once(plane: Plane, insider: Caller) -> None:
    answers = [login(plane, insider.email, "wrong password") for _ in range(Tries().here + 2)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert answers[-1].json()["code"] == "locked_out"
    assert "locked until" in answers[-1].json()["message"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    assert len([one for one in messages(insider) if "was locked until" in one]) == 1
    assert insider.browser.get("/auth/me").status_code == 200


def test_a_lock_out_holds_in_every_process_and_a_right_password_forgives(plane: Plane, insider: Caller) -> None:
    for _ in range(3):
        for _ in range(Tries().here - 1):
            assert login(plane, insider.email, "wrong password").status_code == 401
        assert login(plane, insider.email, PASSWORD).status_code == 200

    another = type(plane.parts.lockout)(plane.core.database)
    for _ in range(Tries().here):
        assert plane.call(another.count(insider.email, "127.0.0.1")) is None
    assert login(plane, insider.email, PASSWORD).status_code == 429


def test_a_token_shows_when_it_was_used_last_and_that_is_written_seldom(plane: Plane, insider: Caller) -> None:
    insider.http.get("/auth/me")

    plane.wait(lambda: insider.browser.get("/account/api-tokens").json()["items"][0]["lastUsedAt"] is not None)
    first = insider.browser.get("/account/api-tokens").json()["items"][0]
    for _ in range(5):
        insider.http.get("/auth/me")

    assert SELDOM_SECONDS >= 60
    assert insider.browser.get("/account/api-tokens").json()["items"][0]["lastUsedAt"] == first["lastUsedAt"]
    assert first["lastUsedFrom"] == "127.0.0.1"


def test_an_operator_makes_operators_and_nobody_dismisses_themselves(plane: Plane, outsider: Caller) -> None:
    operator = plane.operator()
    me, other = operator.get("/auth/me").json()["id"], outsider.browser.get("/auth/me").json()["id"]
    assert outsider.browser.get("/operator/projections").status_code == 403

    made = operator.post(f"/operator/accounts/{other}", json={"operator": True})

    assert (made.status_code, made.json()["operator"]) == (200, True)
    assert outsider.browser.get("/operator/projections").status_code == 200
    assert operator.post(f"/operator/accounts/{me}", json={"operator": False}).json()["code"] == "last_operator"
    assert outsider.browser.post(f"/operator/accounts/{me}", json={"operator": False}).status_code == 200
    assert operator.get("/operator/projections").status_code == 403
    assert outsider.http.get("/operator/projections").json()["code"] == "session_required"
