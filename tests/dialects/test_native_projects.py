"""Document 002, projects and configuration: each test quotes the sentence that it keeps."""

import pytest

from tests.dialects.plane import Caller


def test_list_projects_supports_search_status_page(insider: Caller) -> None:
    """``GET /tenants/<t>/projects — list projects (supports ?search=&status=&page=)``."""
    shop, blog = insider.project("Shop"), insider.project("Blog")
    insider.patch(f"/projects/{blog['id']}", {"status": "archived"})

    everything = insider.get("/projects")
    assert [one["name"] for one in everything["items"]] == ["Blog", "Shop"]
    assert (everything["page"], everything["total"], everything["nextCursor"]) == (1, 2, None)
    assert [one["id"] for one in insider.get("/projects?search=sHo")["items"]] == [shop["id"]]
    assert [one["id"] for one in insider.get("/projects?status=archived")["items"]] == [blog["id"]]
    assert [one["id"] for one in insider.get("/projects?page=2&pageSize=1")["items"]] == [shop["id"]]


def test_create_a_project_with_everything_that_the_document_names(insider: Caller) -> None:
    """``create a project { name, type: static|react|node|python, repositoryConnectionId, rootDirectory?,
    productionBranch?, runsServer?, config? }``."""
    made = insider.project(
        "API",
        type="node",
        rootDirectory="apps/api",
        productionBranch="trunk",
        runsServer=True,
        config={"install": "npm ci", "start": "node server.js", "port": 3000, "limits": {"memoryMb": 256, "cpus": 0.5}},
    )

    assert (made["type"], made["rootDirectory"], made["productionBranch"]) == ("node", "apps/api", "trunk")
    assert made["runsServer"] is True
    assert made["buildConfig"]["installCommand"] == made["buildConfig"]["install"] == "npm ci"
    assert (made["runtimeConfig"]["startCommand"], made["runtimeConfig"]["port"]) == ("node server.js", 3000)
    assert made["runtimeConfig"]["limits"] == {"memoryMb": 256, "cpus": 0.5}


@pytest.mark.parametrize("kind", ["static", "react", "node", "python"])
def test_each_type_of_the_document_is_taken(insider: Caller, kind: str) -> None:
    """``type: static|react|node|python``."""
    made = insider.project(type=kind)

    assert made["type"] == kind
    assert made["runsServer"] is (kind in {"node", "python"})
    assert made["runtimeConfig"]["spaFallback"] is (kind == "react")


def test_project_detail_has_environments_build_and_runtime_config(insider: Caller) -> None:
    """``GET /tenants/<t>/projects/<p> — project detail (incl. environments, build + runtime config)``."""
    found = insider.get(f"/projects/{insider.project('Detail')['id']}")

    place = found["environments"][0]
    assert (place["name"], place["branch"], place["activeReleaseId"]) == ("production", "main", None)
    assert place["url"] == f"http://{place['label']}.localhost:8000"
    assert found["buildConfig"]["rootDirectory"] == ""
    assert found["runtimeConfig"]["healthCheckPath"] == "/"


def test_update_name_description_root_directory_and_status(insider: Caller) -> None:
    """``PATCH /tenants/<t>/projects/<p> — update name/description/rootDirectory/status``."""
    made = insider.project()
    path = f"/projects/{made['id']}"

    changed = insider.patch(
        path, {"name": "Other", "description": "Sells", "rootDirectory": "web", "status": "archived"}
    )

    expected = ("Other", "Sells", "web", "archived")
    assert (changed["name"], changed["description"], changed["rootDirectory"], changed["status"]) == expected
    assert insider.patch(path, {"status": "active"})["status"] == "active"
    assert insider.get(path)["slug"] == made["slug"]


def test_build_config_is_changed_part_by_part(insider: Caller) -> None:
    """``PATCH …/build-config — install/build/output/rootDirectory/nodeVersion/packageManager``."""
    path = f"/projects/{insider.project()['id']}/build-config"
    everything = {
        "install": "npm ci",
        "build": "npm run build",
        "output": "dist",
        "rootDirectory": "web",
        "nodeVersion": "22",
        "packageManager": "npm",
    }

    changed = insider.patch(path, everything)["buildConfig"]
    assert {key: changed[key] for key in everything} == everything
    cleared = insider.patch(path, {"buildCommand": None})["buildConfig"]
    assert (cleared["build"], cleared["install"], cleared["rootDirectory"]) == (None, "npm ci", "web")


def test_two_spellings_of_a_key_may_not_disagree(insider: Caller) -> None:
    path = f"/projects/{insider.project()['id']}/build-config"

    refused = insider.patch(path, {"install": "npm ci", "installCommand": "yarn"}, status=400)

    assert refused["details"][0]["field"] == "install"


def test_runtime_config_is_changed_part_by_part(insider: Caller) -> None:
    """``PATCH …/runtime-config — runtimeType (static|node|python)/startCommand/port/healthCheckPath/limits/
    instances``."""
    path = f"/projects/{insider.project()['id']}/runtime-config"
    everything = {
        "runtimeType": "python",
        "startCommand": "gunicorn app:app",
        "port": 8080,
        "healthCheckPath": "/healthz",
        "limits": {"memoryMb": 128, "cpus": 2.0},
        "instances": 3,
    }

    changed = insider.patch(path, everything)["runtimeConfig"]
    assert {key: changed[key] for key in everything} == everything
    assert insider.patch(path, {"instances": 1})["runtimeConfig"]["port"] == 8080
    refused = insider.patch(path, {"instances": 0, "port": 70000}, status=400)
    assert {detail["field"] for detail in refused["details"]} == {"instances", "port"}


def test_environments_are_added_listed_and_relabelled(insider: Caller) -> None:
    """Beyond the document: several environments, each at a host name of its own."""
    project = insider.project("Many places")
    path = f"/projects/{project['id']}/environments"

    staging = insider.post(path, {"name": "staging", "branch": "next"})
    assert staging["label"].endswith("-staging")
    assert [one["name"] for one in insider.get(path)["items"]] == ["production", "staging"]
    label = f"beta-{staging['id'][-6:]}"
    assert insider.patch(f"{path}/{staging['id']}", {"label": label})["url"] == f"http://{label}.localhost:8000"
    taken = insider.patch(f"{path}/{staging['id']}", {"label": project["environments"][0]["label"]}, status=409)
    assert taken["code"] == "name_taken"
    assert "Choose another" in taken["message"]


def test_two_workspaces_may_have_projects_of_the_same_name(insider: Caller, outsider: Caller) -> None:
    first, second = insider.project("Same name"), outsider.project("Same name")

    assert first["slug"] == second["slug"]
    assert first["environments"][0]["label"] != second["environments"][0]["label"]
    assert insider.post("/projects", _body(insider, "Same name"), status=409)["code"] == "name_taken"


def test_repository_connections_keep_their_credentials_to_themselves(insider: Caller) -> None:
    """Beyond the document: ``repositoryConnectionId`` comes from here."""
    secret = "ghp_verysecretindeed"
    made = insider.post(
        "/repository-connections",
        {"url": "https://example.com/insider/private.git", "credential": {"username": "insider", "token": secret}},
    )

    assert (made["name"], made["hasCredential"]) == ("private", True)
    assert [one["id"] for one in insider.get("/repository-connections")["items"]] == [made["id"]]
    assert secret not in insider.http.get(insider.base + "/repository-connections").text
    assert secret not in insider.http.get(insider.base + "/audit").text
    assert insider.http.delete(f"{insider.base}/repository-connections/{made['id']}").status_code == 204
    assert insider.get("/repository-connections")["items"] == []
    assert (
        insider.post("/projects", {**_body(insider), "repositoryConnectionId": made["id"]}, status=404)["code"]
        == "not_found"
    )


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'id'", "--upload-pack=id", "http://example.com/a.git", "https://127.0.0.1/a.git", "/etc"]
)
def test_an_address_that_may_not_be_fetched_from_is_refused_with_the_reason(insider: Caller, url: str) -> None:
    refused = insider.post("/repository-connections", {"url": url, "name": "x"}, status=400)

    assert refused["details"][0]["field"] == "url"


def test_nobody_sees_another_workspaces_projects(insider: Caller, outsider: Caller) -> None:
    """``scoped to your workspace only``."""
    project = insider.project("Private")

    assert outsider.get(f"/projects/{project['id']}", status=404)["message"] == "There is no such project."
    assert outsider.get("/projects")["items"] == []
    assert outsider.patch(f"/projects/{project['id']}", {"name": "Mine"}, status=404)["code"] == "not_found"
    stolen = {"name": "x", "type": "static", "repositoryConnectionId": project["repositoryConnectionId"]}
    assert outsider.post("/projects", stolen, status=404)["code"] == "not_found"


def _body(caller: Caller, name: str = "Other") -> dict[str, str]:
    return {"name": name, "type": "static", "repositoryConnectionId": caller.connection()}
