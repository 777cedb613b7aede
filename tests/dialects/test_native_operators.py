"""The native API's part for operators: how far read models are, and growing them again. Closed to everybody else."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from adapters.http import tokens
from commands.account import IssueApiToken, RegisterAccount
from domain.account import Scope
from domain.identifiers import AccountId, ApiTokenId, TenantId, uuid7
from projections.catalogue import ALL
from tests.dialects.plane import Caller, Plane

PROJECTIONS = "/operator/projections"
ENDS = {"done", "different", "cancelled", "failed"}


@pytest.fixture
def operator(plane: Plane) -> httpx.Client:
    """A client of an operator's."""
    account, tenant, token = AccountId(uuid7()), TenantId(uuid7()), ApiTokenId(uuid7())
    secret = tokens.new_token(token)
    plane.do(
        tenant,
        RegisterAccount(
            account_id=account,
            email=f"{account}@example.com",
            workspace_id=tenant,
            workspace_name="Operations",
            operator=True,
        ),
        IssueApiToken(
            account_id=account,
            token_id=token,
            tenant_id=tenant,
            name="operations",
            digest=tokens.digest(secret),
            scope=Scope.ADMIN,
        ),
    )
    return plane.client(headers={"Authorization": f"Bearer {secret.reveal}"})


def listed(operator: httpx.Client) -> dict[str, dict[str, Any]]:
    """Every read model by name."""
    answer = operator.get(PROJECTIONS)
    assert answer.status_code == 200, answer.text
    return {one["model"]: one for one in answer.json()["items"]}


def rebuilt(plane: Plane, operator: httpx.Client, body: dict[str, Any], *models: str) -> list[dict[str, Any]]:
    """Rebuild read models; how it ended."""
    answer = operator.post(PROJECTIONS, json={"models": models, **body})
    assert answer.status_code == 202, answer.text
    assert {one["growth"]["phase"] for one in answer.json()["items"]} <= ENDS | {"wanted", "loading", "indexing"}
    plane.wait(lambda: all(_ended(listed(operator)[model]) for model in models), 20)
    return [listed(operator)[model]["growth"] for model in models]


def _ended(one: dict[str, Any]) -> bool:
    return one["growth"]["phase"] in ENDS and not one["growth"]["underWay"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_operators_may_look_after_read_models(insider: Caller, method: str) -> None:
    refused = insider.http.request(method, PROJECTIONS, json=None if method == "GET" else {"models": ["projects"]})

    assert (refused.status_code, refused.json()["code"]) == (403, "operators_only")


def test_an_operator_sees_how_far_every_read_model_is(plane: Plane, insider: Caller, operator: httpx.Client) -> None:
    head = plane.call(plane.core.log.head())
    plane.wait(lambda: all(one["position"] >= head for one in listed(operator).values()))

    found = listed(operator)

    assert set(found) == set(ALL)
    assert all(one["stopped"] is None and one["behind"] == 0 for one in found.values())


def test_an_operator_rebuilds_read_models_while_they_are_read(
    plane: Plane, insider: Caller, operator: httpx.Client
) -> None:
    before = insider.get("/audit-trail")

    [growth, other] = rebuilt(plane, operator, {}, "audit_trail", "projects")

    assert (growth["phase"], growth["differing"], other["phase"]) == ("done", 0, "done")
    assert growth["position"] == growth["head"] > 0
    assert insider.get("/audit-trail") == before


def test_an_operator_sees_what_differs_and_accepts_it(plane: Plane, insider: Caller, operator: httpx.Client) -> None:
    project = insider.project()
    with psycopg.connect(str(plane.settings.database_url)) as connection:
        connection.execute("UPDATE read_projects.projects SET description = 'wrong' WHERE id = %s", [project["id"]])

    [growth] = rebuilt(plane, operator, {}, "projects")
    assert (growth["phase"], growth["differing"]) == ("different", 1)
    difference = {"table": "projects", "row": {"id": project["id"]}, "columns": ["description"], "only": None}
    assert growth["differences"] == [difference]
    assert insider.get(f"/projects/{project['id']}")["description"] == "wrong"

    [growth] = rebuilt(plane, operator, {"acceptDifferences": True}, "projects")
    assert (growth["phase"], growth["differing"]) == ("done", 1)
    assert insider.get(f"/projects/{project['id']}")["description"] == project["description"]


def test_a_rebuild_that_does_not_go_on_is_not_there_to_cancel(operator: httpx.Client) -> None:
    answer = operator.post(PROJECTIONS + "/cancel", json={"models": ["secrets"]})
    assert answer.status_code == 202, answer.text
    assert operator.post(PROJECTIONS, json={"models": ["nonsense"]}).status_code == 404


def test_an_operator_follows_rebuilds_live(plane: Plane, insider: Caller, operator: httpx.Client) -> None:
    with operator.stream("GET", PROJECTIONS, headers={"Accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        states = _states(answer)
        assert {one["model"] for one in next(states)} == set(ALL)
        operator.post(PROJECTIONS, json={"models": ["secrets"]})
        seen = set[str]()
        for state in states:
            growth = next(one["growth"] for one in state if one["model"] == "secrets") or {"phase": "none"}
            seen.add(growth["phase"])
            if growth["phase"] == "done" and not growth["underWay"]:
                break
    assert "done" in seen


def _states(answer: httpx.Response) -> Iterator[list[dict[str, Any]]]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))["items"]
