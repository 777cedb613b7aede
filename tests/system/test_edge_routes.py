"""Which instances the edge sends requests to."""

from adapters.edge.responder import Upstream
from domain import environment
from domain.identifiers import EnvironmentId, ProjectId, ReleaseId, TenantId
from projections.environments import Route
from services.edge import listening

RELEASE = ReleaseId("release")
PORTS = (4000, 4001, 4002)
ROUTE = Route(
    label="shop",
    tenant_id=TenantId("tenant"),
    project_id=ProjectId("project"),
    environment_id=EnvironmentId("environment"),
    release_id=RELEASE,
    artifact="digest",
    static=False,
    spa_fallback=False,
    upstreams=tuple(environment.Upstream(host="127.0.0.1", port=port) for port in PORTS),
    launch=7,
    stopped=False,
)


def ports(*silent: tuple[ReleaseId, int, int]) -> list[int]:
    found: tuple[Upstream, ...] = listening(ROUTE, silent)
    return [one.port for one in found]


def test_those_that_have_ended_get_no_requests() -> None:
    assert ports() == [*PORTS]
    assert ports((RELEASE, 7, 1)) == [4000, 4002]


def test_those_of_another_launch_or_release_mean_nothing() -> None:
    assert ports((RELEASE, 6, 1), (ReleaseId("other"), 7, 1)) == [*PORTS]


def test_where_all_have_ended_requests_wait_for_any() -> None:
    assert ports(*((RELEASE, 7, number) for number in range(3))) == [*PORTS]
