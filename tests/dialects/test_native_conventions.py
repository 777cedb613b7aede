"""What a user of good APIs expects, beyond the document."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.dialects.executing import deployed
from tests.dialects.plane import Caller, Plane

UNKNOWN = "01a2016c-0404-7fcd-9139-beaeb4d2b2ff"


def test_errors_carry_status_code_error_and_message(insider: Caller) -> None:
    """``Errors: non-2xx responses carry { statusCode, error, message }``."""
    answer = insider.http.get(f"{insider.base}/projects/{UNKNOWN}")

    body = answer.json()
    assert (answer.status_code, body["statusCode"], body["error"]) == (404, 404, "Not Found")
    assert (body["message"], body["code"], body["details"]) == ("There is no such project.", "not_found", [])
    assert body["requestId"] == answer.headers["x-request-id"]


def test_errors_are_problems_when_asked_for(insider: Caller) -> None:
    """RFC 9457."""
    answer = insider.http.get(f"{insider.base}/projects/{UNKNOWN}", headers={"Accept": "application/problem+json"})

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:shipbook:error:not_found"
    assert (answer.json()["status"], answer.json()["detail"]) == (404, "There is no such project.")


def test_an_unknown_path_and_a_wrong_method_are_answered_in_the_same_shape(plane: Plane) -> None:
    client = plane.client()

    assert client.get("/nowhere").json()["code"] == "no_such_route"
    wrong = client.put("/auth/login", json={})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["message"] == "This path takes POST only."


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"nam": "x"}, "nam", "did you mean name?"),
        ({"name": 5}, "name", "must be a string, not an integer"),
        ({"status": "gone"}, "status", "none of active, archived"),
        ({"rootDirectory": "../etc"}, "rootDirectory", "below the repository's root"),
        ({"name": ""}, "name", "must not be empty"),
    ],
)
def test_a_wrong_field_is_named_with_its_mending(insider: Caller, body: dict[str, Any], field: str, says: str) -> None:
    refused = insider.patch(f"/projects/{insider.project()['id']}", body, status=400)

    assert refused["details"][0]["field"] == field
    assert says in refused["message"]


def test_a_nested_field_is_named_by_its_path(insider: Caller) -> None:
    path = f"/projects/{insider.project()['id']}/runtime-config"

    assert insider.patch(path, {"limits": {"memory": 1}}, status=400)["details"][0]["field"] == "limits.memory"
    assert insider.patch(path, {"limits": {"memoryMb": 64}}, status=400)["message"] == "limits.cpus: is missing"
    assert (
        insider.patch(path, {"port": "80"}, status=400)["message"] == "port: must be an integer or null, not a string"
    )


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_json"),
        (b'{"name":"\xff"}', "application/json", 400, "malformed_json"),
        (b"[]", "application/json", 400, "invalid"),
        (b"", "application/json", 400, "invalid"),
        (b'{"name":"a\\u0000b"}', "application/json", 400, "invalid"),
        (b'{"name":"\\ud800"}', "application/json", 400, "malformed_json"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"x" * (1 << 20) + b"x", "application/json", 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    insider: Caller, content: bytes, kind: str, status: int, code: str
) -> None:
    path = f"{insider.base}/projects/{UNKNOWN}"

    answer = insider.http.patch(path, content=content, headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_who_is_not_signed_in_learns_nothing_of_the_body(plane: Plane, insider: Caller) -> None:
    answer = plane.client().post(f"{insider.base}/projects", content=b"{")

    assert answer.status_code == 401


@pytest.mark.parametrize("query", ["page=0", "page=x", "pageSize=201", "cursor=nonsense", "status=x", "page=1e9"])
def test_a_wrong_parameter_is_named(insider: Caller, query: str) -> None:
    refused = insider.get(f"/projects?{query}", status=400)

    assert refused["details"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("path", ["/projects?search=%00", "/projects/%00", "/projects?search=a%00b"])
def test_a_null_character_in_an_address_is_harmless(insider: Caller, path: str) -> None:
    assert insider.http.get(insider.base + path).status_code in {400, 404}


def test_a_repeated_request_answers_as_the_first_did(insider: Caller) -> None:
    """``Idempotency-Key on every POST/PATCH/DELETE … a repeat answers as the first did, with Idempotent-Replayed``."""
    key = {"Idempotency-Key": str(uuid4())}
    body = {"name": "Once", "type": "static", "repositoryConnectionId": insider.connection()}

    first = insider.http.post(f"{insider.base}/projects", json=body, headers=key)
    again = insider.http.post(f"{insider.base}/projects", json=body, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(insider.get("/projects?search=Once")["items"]) == 1


def test_a_repeated_trigger_deploys_once_even_when_the_project_was_archived_meanwhile(insider: Caller) -> None:
    project = insider.project()
    path = f"{insider.base}/projects/{project['id']}/environments/{project['environments'][0]['id']}/deployments"
    key = {"Idempotency-Key": "my deploy".replace(" ", "-")}

    first = insider.http.post(path, headers=key)
    insider.patch(f"/projects/{project['id']}", {"status": "archived"})
    again = insider.http.post(path, headers=key)

    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert len(insider.get(f"/projects/{project['id']}/deployments")["items"]) == 1


def test_the_same_key_with_another_body_is_refused(insider: Caller) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    insider.post("/secrets", {"name": "A", "value": "1"}, headers=key)

    refused = insider.post("/secrets", {"name": "A", "value": "2"}, status=422, headers=key)

    assert refused["code"] == "idempotency_key_reused"


def test_the_same_key_of_somebody_else_is_another_request(insider: Caller, outsider: Caller) -> None:
    key = {"Idempotency-Key": "1"}

    first = insider.post("/secrets", {"name": "A", "value": "1"}, headers=key)
    second = outsider.post("/secrets", {"name": "B", "value": "2"}, headers=key)

    assert first["id"] != second["id"]


def test_repeated_changes_and_removals_are_done_once(insider: Caller) -> None:
    made = insider.post("/secrets", {"name": "A", "value": "1"})
    path = f"{insider.base}/secrets/{made['id']}"
    change, removal = {"Idempotency-Key": "change"}, {"Idempotency-Key": "removal"}

    rotated = [insider.http.patch(path, json={"value": "2"}, headers=change) for _ in range(2)]
    removed = [insider.http.delete(path, headers=removal) for _ in range(2)]

    assert [answer.json()["version"] for answer in rotated] == [2, 2]
    assert [answer.status_code for answer in removed] == [204, 204]
    assert removed[1].headers["idempotent-replayed"] == "true"


def test_ten_repetitions_at_once_deploy_once(insider: Caller) -> None:
    project = insider.project()
    path = f"{insider.base}/projects/{project['id']}/environments/{project['environments'][0]['id']}/deployments"
    key = {"Idempotency-Key": str(uuid4())}

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: insider.http.post(path, headers=key), range(10)))

    done = [answer for answer in answers if answer.status_code == 201]
    assert {answer.json()["code"] for answer in answers if answer not in done} <= {"in_flight"}
    assert len({answer.json()["id"] for answer in done}) == 1
    assert len(insider.get(f"/projects/{project['id']}/deployments")["items"]) == 1


def test_a_token_made_twice_is_one_token_whose_secret_is_shown_once(insider: Caller) -> None:
    key = {"Idempotency-Key": str(uuid4())}

    first = insider.browser.post("/account/api-tokens", json={"name": "x"}, headers=key).json()
    again = insider.browser.post("/account/api-tokens", json={"name": "x"}, headers=key).json()

    assert (again["id"], again["token"]) == (first["id"], None)


def test_a_write_can_be_read_by_whoever_knows_its_position(insider: Caller) -> None:
    """``Every answer carries X-Shipbook-Position … ?min_position= waits``."""
    project = insider.project()
    written = insider.http.patch(f"{insider.base}/projects/{project['id']}", json={"name": "Written"})
    position = int(written.headers["x-shipbook-position"])

    read = insider.http.get(f"{insider.base}/projects/{project['id']}?min_position={position}")
    assert read.json()["name"] == "Written"
    assert int(read.headers["x-shipbook-position"]) >= position
    for wrong in (position + 10**6, "x"):
        assert insider.get(f"/projects?min_position={wrong}", status=400)["details"][0]["field"] == "min_position"


def test_what_cannot_be_read_yet_is_never_answered_stale(insider: Caller, plane: Plane) -> None:
    """``else 503 + Retry-After, never a stale 200``."""
    before = int(insider.http.get(f"{insider.base}/projects").headers["x-shipbook-position"])
    with psycopg.connect(plane.settings.database_url) as connection:
        connection.execute("LOCK TABLE read_models.checkpoints IN EXCLUSIVE MODE")  # nothing is projected meanwhile
        insider.http.post(f"{insider.base}/secrets", json={"name": "LATE", "value": "hidden-value"})
        late = insider.http.get(f"{insider.base}/secrets?min_position={before + 1}")

    assert (late.status_code, late.headers["retry-after"]) == (503, "1")
    plane.wait(lambda: insider.http.get(f"{insider.base}/secrets?min_position={before + 1}").status_code == 200)


def test_what_has_not_changed_is_not_sent_again(insider: Caller) -> None:
    path = f"{insider.base}/projects/{insider.project()['id']}"
    tag = insider.http.get(path).headers["etag"]

    unchanged = insider.http.get(path, headers={"If-None-Match": f'"x", {tag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    insider.http.patch(path, json={"name": "Changed"})
    assert insider.http.get(path, headers={"If-None-Match": tag}).json()["name"] == "Changed"


def test_a_change_of_something_else_in_the_answer_changes_its_tag(insider: Caller) -> None:
    """A project's answer also shows its environments' active releases, which other streams know."""
    project = insider.project()
    path = f"{insider.base}/projects/{project['id']}"
    tag = insider.http.get(path).headers["etag"]

    deployed(insider, project)

    assert insider.http.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_change_of_what_has_changed_meanwhile_is_refused(insider: Caller) -> None:
    """``If-Match → 412 on PATCH and DELETE``."""
    path = f"{insider.base}/projects/{insider.project()['id']}"
    seen = {"If-Match": insider.http.get(path).headers["etag"]}
    insider.http.patch(path, json={"name": "Meanwhile"})

    late = insider.http.patch(path, json={"name": "Late"}, headers=seen)
    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    fresh = {"If-Match": insider.http.get(path).headers["etag"]}
    assert insider.http.patch(path, json={"name": "Fresh"}, headers=fresh).status_code == 200
    assert insider.http.patch(path, json={"name": "Any"}, headers={"If-Match": "*"}).status_code == 200
    assert insider.http.patch(path, json={"name": "No"}, headers={"If-Match": '"nonsense"'}).status_code == 412


def test_pages_behind_a_cursor_hold_every_item_once(insider: Caller) -> None:
    names = {insider.project(f"Project {number}")["name"] for number in range(5)}

    found, path, pages = [], f"{insider.base}/projects?limit=2", 0
    while path:
        answer = insider.http.get(path)
        found += [one["name"] for one in answer.json()["items"]]
        path, pages = answer.links.get("next", {}).get("url", ""), pages + 1

    assert (sorted(found), pages) == (sorted(names), 3)
    first = insider.http.get(f"{insider.base}/projects?pageSize=2&search=Project")
    assert first.json()["nextCursor"]
    following = insider.http.get(first.links["next"]["url"]).json()
    assert (following["page"], len(following["items"]), following["total"]) == (2, 2, 5)


def test_a_cursor_of_another_list_is_refused(insider: Caller) -> None:
    for number in range(3):
        insider.project(f"P{number}")
    cursor = insider.get("/projects?limit=1")["nextCursor"]

    assert insider.get(f"/secrets?cursor={cursor}", status=400)["details"][0]["field"] == "cursor"


def test_every_answer_forbids_what_no_answer_needs(plane: Plane, insider: Caller) -> None:
    for answer in (
        insider.http.get(f"{insider.base}/projects"),
        plane.client().get("/nowhere"),
        plane.client().get("/docs"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers


def test_the_callers_own_request_id_is_kept_and_a_strange_one_is_not(plane: Plane) -> None:
    client = plane.client()

    assert client.get("/auth/me", headers={"X-Request-Id": "abc-12345"}).json()["requestId"] == "abc-12345"
    assert client.get("/auth/me", headers={"X-Request-Id": "x y\tz"}).json()["requestId"] != "x y\tz"


def test_head_is_answered_like_get_without_a_body(insider: Caller) -> None:
    answer = insider.http.head(f"{insider.base}/projects")

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_a_deep_page_number_is_refused_and_a_cursor_named(insider: Caller) -> None:
    assert "cursor" in insider.get("/projects?page=1000000&pageSize=200", status=400)["details"][0]["message"]


def test_documentation_stands_alone(plane: Plane) -> None:
    """``OpenAPI 3.1 … browsable at /docs``, without anything from elsewhere."""
    client = plane.client()

    page = client.get("/docs")
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "<script" not in page.text
    assert "//cdn" not in page.text
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(__import__("hashlib").sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.headers["content-security-policy"]
    for path, item in described["paths"].items():
        assert all(json.dumps(path)[1:-1] in page.text for _ in item)
