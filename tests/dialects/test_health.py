"""Whether everything serves, for load balancers, people and Prometheus."""

from time import perf_counter

from adapters.http.parts import Health
from tests.dialects.plane import Caller, Plane


def test_ready_names_what_does_not_serve(plane: Plane) -> None:
    client = plane.client()
    assert client.get("/ready").status_code == 200

    plane.health.append(Health(name="worker", state="down", message="It is failed."))
    try:
        refused = client.get("/ready")
        health = client.get("/health").json()
    finally:
        plane.health.pop()

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "worker: It is failed." in refused.json()["message"]
    assert health["status"] == "down"
    assert [part["name"] for part in health["parts"]] == ["database", "worker"]


def test_ready_serves_on_and_names_what_is_degraded(plane: Plane) -> None:
    client = plane.client()
    assert client.get("/ready").json() == {"status": "ready"}

    plane.health.append(Health(name="nats", state="degraded", message="Not reachable."))
    try:
        served = client.get("/ready")
        health = client.get("/health").json()
    finally:
        plane.health.pop()

    assert (served.status_code, served.json()) == (200, {"status": "ready", "degraded": ["nats"]})
    assert health["status"] == "degraded"


def test_metrics_have_useful_names_and_no_ids(plane: Plane, insider: Caller) -> None:
    insider.deployment()
    insider.get("/projects")

    text = plane.client().get("/metrics").text

    assert (
        'shipbook_http_requests_total{method="GET",process="api",route="/tenants/{tenant_id}/projects",status="200"}'
        in text
    )
    for name in (
        "shipbook_http_request_seconds_bucket",
        "shipbook_stream_readers",
        'shipbook_deployments_open{process="api",status="queued"}',
        "shipbook_event_log_position",
        "shipbook_projection_lag",
    ):
        assert name in text
    assert insider.tenant not in text


def test_the_root_says_where_to_go_on(plane: Plane) -> None:
    assert plane.client().get("/").json()["docs"] == "/docs"


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head(plane: Plane) -> None:
    client = plane.client()
    took = []
    for _ in range(20):
        began = perf_counter()
        client.get("/auth/me")
        took.append(perf_counter() - began)

    assert sorted(took)[10] < 0.03
