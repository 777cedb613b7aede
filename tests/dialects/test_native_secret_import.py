"""Importing a ``.env``: everything is looked at before anything is kept, and repeating it does no more."""

from typing import Any

import pytest

from tests.dialects.plane import Caller

FILE = """
# the shop's
STRIPE_KEY=sk_live_12 # a comment
export GREETING="hello\\nworld ${HOME}"

CERTIFICATE='-----BEGIN
of two lines'
"""


def imported(caller: Caller, content: str, status: int = 200, **fields: Any) -> Any:
    return caller.post("/secrets/import", {"content": content, **fields}, status=status)


def outcomes(answer: Any) -> list[tuple[int, str, str, int]]:
    return [(one["line"], one["name"], one["outcome"], one["version"]) for one in answer["items"]]


def values(caller: Caller) -> dict[str, str]:
    """What builds would get, by name."""
    vault, rows = caller.plane.core.vault, caller.get("/secrets")["items"]
    return {one["name"]: caller.plane.call(vault.open(caller.tenant, one["id"], one["version"])).reveal for one in rows}


def test_each_variable_becomes_a_secret_and_nothing_in_it_is_expanded(insider: Caller) -> None:
    answer = imported(insider, FILE)

    assert outcomes(answer) == [
        (3, "STRIPE_KEY", "created", 1),
        (4, "GREETING", "created", 1),
        (6, "CERTIFICATE", "created", 1),
    ]
    assert (answer["created"], answer["rotated"], answer["unchanged"], answer["refused"]) == (3, 0, 0, 0)
    assert values(insider) == {
        "STRIPE_KEY": "sk_live_12",
        "GREETING": "hello\nworld ${HOME}",
        "CERTIFICATE": "-----BEGIN\nof two lines",
    }


def test_what_is_the_same_is_left_alone_and_what_differs_gets_a_version(insider: Caller) -> None:
    imported(insider, "A=1\nB=2\n")

    again = imported(insider, "A=1\nB=3\nC=4\n")

    assert outcomes(again) == [(1, "A", "unchanged", 1), (2, "B", "rotated", 2), (3, "C", "created", 1)]
    assert values(insider) == {"A": "1", "B": "3", "C": "4"}


def test_one_line_that_cannot_be_used_refuses_the_whole_import_by_its_line(insider: Caller) -> None:
    file = 'GOOD=1\nPORT=80\nno variable\nA-B=2\nEMPTY=\nGOOD=2\nOPEN="never closed\n'

    refused = imported(insider, file, status=400)
    planned = imported(insider, file, dryRun=True)

    assert [one["field"] for one in refused["details"]] == [f"content:{line}" for line in (2, 3, 4, 5, 6, 7)]
    assert [one["outcome"] for one in planned["items"]] == ["created", *["refused"] * 6]
    assert (planned["refused"], planned["items"][2]["name"], planned["items"][0]["version"]) == (6, None, 1)
    assert "which line 1 does" in planned["items"][5]["reason"]
    assert insider.get("/secrets")["items"] == []


def test_a_dry_run_keeps_nothing(insider: Caller) -> None:
    assert imported(insider, "A=1", dryRun=True)["created"] == 1
    assert insider.get("/secrets")["items"] == []


def test_secrets_are_imported_into_a_project_or_an_environment(insider: Caller, outsider: Caller) -> None:
    project = insider.project()
    place = {"projectId": project["id"], "environmentId": project["environments"][0]["id"]}

    imported(insider, "A=1", projectId=project["id"])
    imported(insider, "A=1", **place)

    assert [one["scope"] for one in insider.get("/secrets")["items"]] == ["project", "environment"]
    assert outcomes(imported(insider, "A=2", **place)) == [(1, "A", "rotated", 2)]
    imported(outsider, "A=1", status=404, projectId=project["id"])
    imported(insider, "A=1", status=400, environmentId=place["environmentId"])


def test_a_repeated_request_answers_as_the_first_did(insider: Caller) -> None:
    imported(insider, "B=0")
    key = {"Idempotency-Key": "one-import"}
    body = {"content": "A=1\nB=2\n"}

    first = insider.http.post(f"{insider.base}/secrets/import", json=body, headers=key)
    again = insider.http.post(f"{insider.base}/secrets/import", json=body, headers=key)

    assert first.json() == again.json()
    assert [one["version"] for one in insider.get("/secrets")["items"]] == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(f"A{number}=1" for number in range(201)),
        "A=" + "x" * (1 << 20),
        "\n" * 6000,
        "A=x" + " " * 900_000 + "y",
    ],
)
def test_a_file_that_is_too_much_is_refused_at_once(insider: Caller, content: str) -> None:
    assert imported(insider, content, status=400)["details"][0]["field"] == "content"


def test_two_hundred_variables_are_imported(insider: Caller) -> None:
    assert imported(insider, "\n".join(f"A{number}={number}" for number in range(200)))["created"] == 200


def test_no_value_is_in_an_answer_or_in_history(insider: Caller) -> None:
    value = "s3cr3t-value-that-nobody-may-see"
    answers = [
        insider.http.post(f"{insider.base}/secrets/import", json={"content": content, "dryRun": dry})
        for dry in (True, False)
        for content in (f"KEY={value}", f"KEY={value}\n{value}", f"A-B={value}\nKEY='{value}")
    ]

    for answer in (*answers, insider.http.get(f"{insider.base}/secrets"), insider.http.get(f"{insider.base}/audit")):
        assert value not in answer.text
