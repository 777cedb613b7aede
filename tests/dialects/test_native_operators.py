"""The native API's part for operators: how far read models are, and growing them again. Closed to everybody else."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from typing import Any

import httpx
import psycopg
import pytest

from projections.catalogue import ALL
from services.cli import operating
from services.exits import CommandFailed
from tests.dialects.plane import Caller, Plane

PROJECTIONS = "/operator/projections"
ENDS = {"done", "different", "cancelled", "failed"}


@pytest.fixture
def operator(plane: Plane) -> httpx.Client:
    """A client of an operator's."""
    return plane.operator()


def listed(operator: httpx.Client) -> dict[str, dict[str, Any]]:
    """Every read model by name."""
    answer = operator.get(PROJECTIONS)
    assert answer.status_code == 200, answer.text
    return {one["model"]: one for one in answer.json()["items"]}


def rebuilt(plane: Plane, operator: httpx.Client, body: dict[str, Any], *models: str) -> list[dict[str, Any]]:
    """Rebuild read models; how it ended."""
    answer = operator.post(PROJECTIONS, json={"models": models, **body})
    assert answer.status_code == 202, answer.text
    assert {one["growth"]["phase"] for one in answer.json()["items"]} <= ENDS | {
        "wanted",
        "loading",
        "indexing",
        "comparing",
    }
    plane.wait(lambda: all(_ended(listed(operator)[model]) for model in models), 20)
    return [listed(operator)[model]["growth"] for model in models]


def _ended(one: dict[str, Any]) -> bool:
    return one["growth"]["phase"] in ENDS and not one["growth"]["underWay"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_operators_may_look_after_read_models(insider: Caller, method: str) -> None:
    refused = insider.browser.request(method, PROJECTIONS, json=None if method == "GET" else {"models": ["projects"]})

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
    before = insider.get("/audit")

    [growth, other] = rebuilt(plane, operator, {}, "audit_trail", "projects")

    assert (growth["phase"], growth["differing"], other["phase"]) == ("done", 0, "done")
    assert growth["position"] == growth["head"] > 0
    assert insider.get("/audit") == before


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
        assert operator.post(PROJECTIONS, json={"models": ["secrets"]}).status_code == 202
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


def test_every_read_model_is_rebuilt_while_requests_read_and_write_and_no_answer_goes_back_in_time(
    plane: Plane, insider: Caller, operator: httpx.Client
) -> None:
    project = insider.project()
    stop, refused, backwards = Event(), list[str](), list[tuple[int, int]]()

    def read() -> None:
        newest, answer = 0, httpx.Response(200)
        while not stop.is_set():
            answer = insider.http.get(insider.base + "/audit?limit=1")
            if answer.status_code != 200:
                refused.append(answer.text)
                return
            found = answer.json()["items"][0]["position"]
            if found < newest:
                backwards.append((found, newest))
            newest = max(newest, found)

    def write() -> None:
        for number in count():
            if stop.is_set():
                return
            changed = insider.http.patch(f"{insider.base}/projects/{project['id']}", json={"description": f"{number}"})
            if changed.status_code != 200 or changed.json()["description"] != f"{number}":
                refused.append(changed.text)

    with ThreadPoolExecutor(3) as threads:
        working = [threads.submit(work) for work in (read, read, write)]
        try:
            grown = [rebuilt(plane, operator, {}, *ALL) for _ in range(2)]
        finally:
            stop.set()
        for work in working:
            work.result(20)

    assert (refused, backwards) == ([], [])
    assert {(one["phase"], one["differing"]) for growths in grown for one in growths} == {("done", 0)}


def test_a_fact_that_cannot_be_kept_stops_one_read_model_and_the_operator_sees_which_and_why(
    plane: Plane, insider: Caller, operator: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(str(plane.settings.database_url)) as connection:
        connection.execute("ALTER TABLE read_secrets.secrets ADD CONSTRAINT no_poison CHECK (name <> 'POISON')")
    insider.http.post(insider.base + "/secrets", json={"name": "POISON", "value": "deadly"})
    plane.wait(lambda: listed(operator)["secrets"]["stopped"] is not None)
    stopped = listed(operator)["secrets"]["stopped"]
    assert stopped["tag"] == "secret.set"
    assert stopped["factId"].startswith("secret-")
    assert "no_poison" in stopped["reason"]
    insider.project()  # all others go on

    capsys.readouterr()
    assert operating.lag(plane.settings, as_json=False) == 1
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("secrets")]
    assert f"at fact {stopped['position']} (secret.set, {stopped['factId']}): CheckViolation" in line
    assert "deadly" not in line

    [growth] = rebuilt(plane, operator, {}, "secrets")
    assert growth["phase"] == "done"
    assert operating.lag(plane.settings, as_json=False) == 0
    assert [one["name"] for one in insider.get("/secrets")["items"]] == ["POISON"]


def test_an_operator_at_a_terminal_sees_rows_that_differ_and_how_a_rebuild_goes(
    plane: Plane, insider: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    project = insider.project()
    with psycopg.connect(str(plane.settings.database_url)) as connection:
        connection.execute("UPDATE read_projects.projects SET slug = 'wrong' WHERE id = %s", [project["id"]])

    def grow(*, accept: bool) -> int:
        return operating.rebuild(
            plane.settings, ["projects"], everything=False, accept=accept, afresh=False, as_json=False
        )

    with pytest.raises(CommandFailed, match="--accept-differences"):
        grow(accept=False)
    shown = capsys.readouterr()
    assert f"projects  {project['id']}  slug" in shown.out
    assert "projects: 1 row unlike the live ones" in shown.err
    assert "facts, " in shown.err
    assert grow(accept=True) == 0
    assert "Rebuilt: projects." in capsys.readouterr().out
    assert operating.cancel(plane.settings, ["projects"], everything=False) == 0
    assert "There is no rebuild to cancel." in capsys.readouterr().out
