"""Where secrets are seen, which versions they have, and which release has which."""

from typing import Any

import pytest

from commands.release import CutRelease
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId, SecretId, uuid7
from domain.project import RuntimeConfig
from domain.release import ReleaseCut, SecretPin
from tests.dialects.plane import Caller


def place_of(project: Any) -> dict[str, str]:
    return {"projectId": project["id"], "environmentId": project["environments"][0]["id"]}


def cut(caller: Caller, project: Any, secret: Any, version: int, number: int) -> ReleaseId:
    """A release that has this version of the secret."""
    release = ReleaseId(uuid7())
    place = place_of(project)
    fact = ReleaseCut(
        release_id=release,
        deployment_id=DeploymentId(uuid7()),
        deployment_number=number,
        project_id=ProjectId(place["projectId"]),
        environment_id=EnvironmentId(place["environmentId"]),
        branch="main",
        commit="c0ffee" + 34 * "0",
        commit_message="Sell coffee",
        artifact="a" * 64,
        artifact_bytes=1,
        runtime=RuntimeConfig(),
        secrets=(SecretPin(secret_id=SecretId(secret["id"]), name=secret["name"], version=version),),
    )
    caller.plane.do(caller.tenant, CutRelease(release_id=release, cut=fact))
    return release


def test_a_place_sees_each_name_once_from_the_narrowest_scope_and_what_that_hides(insider: Caller) -> None:
    project = insider.project()
    place = place_of(project)
    wide = insider.post("/secrets", {"name": "KEY", "value": "1"})
    middle = insider.post("/secrets", {"name": "KEY", "value": "2", "projectId": project["id"]})
    narrow = insider.post("/secrets", {"name": "KEY", "value": "3", **place})
    other = insider.post("/secrets", {"name": "ALONE", "value": "4"})

    seen = insider.get(f"/projects/{place['projectId']}/environments/{place['environmentId']}/secrets/effective")

    assert [(one["name"], one["id"], one["scope"], one["version"]) for one in seen["items"]] == [
        ("ALONE", other["id"], "workspace", 1),
        ("KEY", narrow["id"], "environment", 1),
    ]
    assert [(one["id"], one["scope"]) for one in seen["items"][1]["hides"]] == [
        (middle["id"], "project"),
        (wide["id"], "workspace"),
    ]
    assert insider.get("/secrets/effective", params=place) == seen
    assert insider.get("/secrets/effective", params={"environmentId": place["environmentId"]}) == seen
    of_project = insider.get(f"/secrets/effective?projectId={project['id']}")["items"]
    assert [one["id"] for one in of_project] == [other["id"], middle["id"]]
    assert [one["id"] for one in insider.get("/secrets/effective")["items"]] == [other["id"], wide["id"]]


def test_a_place_that_is_not_there_or_is_anothers_sees_nothing(insider: Caller, outsider: Caller) -> None:
    mine, theirs = place_of(insider.project()), place_of(outsider.project())

    for params in (theirs, {"projectId": uuid7()}, {**mine, "projectId": theirs["projectId"]}):
        insider.get("/secrets/effective", params=params, status=404)
    mixed = f"/projects/{mine['projectId']}/environments/{theirs['environmentId']}/secrets/effective"
    insider.get(mixed, status=404)


def test_a_secret_tells_its_versions_and_no_value(insider: Caller, outsider: Caller) -> None:
    made = insider.post("/secrets", {"name": "KEY", "value": "first value"})
    rotated = insider.patch(f"/secrets/{made['id']}", {"value": "second value"})

    shown = insider.get(f"/secrets/{made['id']}")

    assert [(one["version"], one["fingerprint"], one["gone"]) for one in shown["versions"]] == [
        (2, rotated["fingerprint"], False),
        (1, made["fingerprint"], False),
    ]
    assert {one["createdBy"] for one in shown["versions"]} == {insider.email}
    assert shown["value"] == "•" * 8
    assert 'value"' not in str(shown["versions"])
    outsider.get(f"/secrets/{made['id']}", status=404)
    outsider.get(f"/secrets/{made['id']}/uses", status=404)


def test_uses_tell_which_release_has_which_version(insider: Caller) -> None:
    project = insider.project()
    secret = insider.post("/secrets", {"name": "KEY", "value": "1"})
    first = cut(insider, project, secret, 1, 1)
    insider.patch(f"/secrets/{secret['id']}", {"value": "2"})
    second = cut(insider, project, secret, 2, 2)

    uses = insider.get(f"/secrets/{secret['id']}/uses")["items"]

    assert [(one["releaseId"], one["ref"], one["version"], one["outdated"], one["gone"]) for one in uses] == [
        (second, "DEP-0002", 2, False, False),
        (first, "DEP-0001", 1, True, False),
    ]
    assert {one["environmentId"] for one in uses} == {place_of(project)["environmentId"]}
    assert len(insider.get(f"/secrets/{secret['id']}/uses?limit=1")["items"]) == 1


@pytest.mark.parametrize("path", ["", "/uses"])
def test_a_secret_that_was_removed_is_not_shown(insider: Caller, path: str) -> None:
    made = insider.post("/secrets", {"name": "KEY", "value": "x"})
    insider.http.delete(f"{insider.base}/secrets/{made['id']}")

    insider.get(f"/secrets/{made['id']}{path}", status=404)
