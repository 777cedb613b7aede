"""Document 002: ``Quotas: deploys are rate-limited per workspace per day (429/403 when exceeded)``; and more limits."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from shutil import copy
from typing import Any

import httpx
import pytest

from commands.workspace import SetLimits
from domain.identifiers import TenantId
from domain.limits import Limits
from tests.dialects.plane import Caller, Plane, running

AT_ONCE = 100
QUOTA = 37


@pytest.fixture(scope="module")
def second(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Another process of the API over the same database, as far as the two can tell."""
    directory = tmp_path_factory.mktemp("second")
    copy(plane.settings.master_key_file, directory)
    with running(plane.settings.database_url, directory) as other:
        yield other


def limited(caller: Caller, **limits: int) -> None:
    """The workspace has these limits."""
    tenant = TenantId(caller.tenant)
    caller.plane.do(tenant, SetLimits(tenant_id=tenant, limits=Limits(**limits)))


def triggering(caller: Caller, project: Any) -> str:
    """Where a deployment is asked for."""
    return f"{caller.base}/projects/{project['id']}/environments/{project['environments'][0]['id']}/deployments"


def test_a_hundred_triggers_at_once_make_as_many_deployments_as_the_quota_says(
    plane: Plane, second: Plane, insider: Caller
) -> None:
    """Over two processes of the API; what is refused is 429 with the time when the next one is allowed."""
    project = insider.project()
    limited(insider, deployments_per_day=QUOTA)
    clients = [
        httpx.Client(base_url=api.url, headers=insider.http.headers, timeout=60, trust_env=False)
        for api in (plane, second)
    ]
    path = triggering(insider, project)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda place: clients[place % 2].post(path), range(AT_ONCE)))
    for client in clients:
        client.close()

    assert Counter(answer.status_code for answer in answers) == {201: QUOTA, 429: AT_ONCE - QUOTA}
    made = insider.get(f"/projects/{project['id']}/deployments", params={"limit": 200})["items"]
    assert len({one["id"] for one in made}) == QUOTA
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "quota_exceeded"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert refused.headers["ratelimit-limit"] == str(QUOTA)
    assert "00:00 UTC" in refused.json()["message"]


def test_an_ended_deployment_counts_on(insider: Caller) -> None:
    project = insider.project()
    limited(insider, deployments_per_day=1)
    made = insider.deployment(project)
    insider.post(f"/deployments/{made['id']}/cancel", {})

    assert insider.http.post(triggering(insider, project)).status_code == 429
    limited(insider, deployments_per_day=2)
    answer = insider.http.post(triggering(insider, project))
    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (201, "0")


def test_what_the_plan_forbids_is_403(insider: Caller) -> None:
    project = insider.project()
    limited(insider, deployments_per_day=0)

    refused = insider.http.post(triggering(insider, project))

    assert (refused.status_code, refused.json()["code"]) == (403, "not_in_plan")


def test_a_repeated_trigger_answers_as_the_first_did_when_the_quota_is_used_up(insider: Caller) -> None:
    project = insider.project()
    limited(insider, deployments_per_day=1)
    key = {"Idempotency-Key": "once"}

    first, again = (insider.http.post(triggering(insider, project), headers=key) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]


def test_projects_and_secrets_are_limited_and_a_removed_secret_makes_room(insider: Caller) -> None:
    limited(insider, projects=1, secrets=1)
    insider.project()
    secret = insider.post("/secrets", {"name": "ONE", "value": "x"})

    body = {"name": "Two", "type": "static", "repositoryConnectionId": insider.connection()}
    assert insider.http.post(f"{insider.base}/projects", json=body).json()["code"] == "quota_exceeded"
    two = {"name": "TWO", "value": "x"}
    assert insider.http.post(f"{insider.base}/secrets", json=two).status_code == 403
    assert insider.http.delete(f"{insider.base}/secrets/{secret['id']}").status_code == 204
    assert insider.http.post(f"{insider.base}/secrets", json=two).status_code == 201


def test_limits_are_shown_with_their_use_and_set_by_operators(plane: Plane, insider: Caller, outsider: Caller) -> None:
    limited(insider, deployments_per_day=5)
    insider.deployment()
    shown = insider.get("/limits")

    assert (shown["deploymentsPerDay"]["limit"], shown["deploymentsPerDay"]["used"]) == (5, 1)
    assert shown["deploymentsPerDay"]["own"]
    assert shown["deploymentsPerDay"]["resetsAt"].endswith("T00:00:00Z")
    assert (shown["projects"]["limit"], shown["projects"]["own"], shown["projects"]["used"]) == (1000, False, 1)

    place = f"/operator/workspaces/{insider.tenant}/limits"
    assert outsider.browser.put(place, json={"projects": 3}).json()["code"] == "operators_only"
    operator = plane.operator()
    answer = operator.put(place, json={"projects": 3, "reason": "The plan was changed."})
    assert (answer.status_code, answer.json()["projects"]["limit"]) == (200, 3)
    assert answer.json()["deploymentsPerDay"]["limit"] is None
    trail = insider.browser.get(f"{insider.base}/audit?limit=1").json()["items"][0]
    assert "projects 3" in trail["message"]
    assert trail["reason"] == "The plan was changed."
